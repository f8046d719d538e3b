/**
 * SHA-256 compression with the message schedule in SIMD: four words of it per step, computed between the scalar rounds
 * that use the four before them, which keeps both kinds of execution units busy.
 */
import { K, BLOCK_BYTES } from "./constants";
import { t1, t2 } from "./round";

/** The 16 words of the schedule in use, each with its round's constant added. */
const WK: usize = memory.data(64, 64);

function rotateRight(x: v128, by: i32): v128 {
  return v128.or(i32x4.shr_u(x, by), i32x4.shl(x, 32 - by));
}

function s0(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 7), rotateRight(x, 18)), i32x4.shr_u(x, 3));
}

function s1(x: v128): v128 {
  return v128.xor(v128.xor(rotateRight(x, 17), rotateRight(x, 19)), i32x4.shr_u(x, 10));
}

function bigEndian(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Words 1 to 4 of the eight in `a` and `b`. */
function shiftedIn(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
}

/** The next four words from the sixteen in `x0` to `x3`, still without what the last two take from the first two. */
function halfDone(x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const low = i8x16.shuffle(x3, i32x4.splat(0), 8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 16, 16, 16, 16, 16, 16);
  return i32x4.add(i32x4.add(i32x4.add(x0, s0(shiftedIn(x0, x1))), shiftedIn(x2, x3)), s1(low));
}

function allDone(half: v128): v128 {
  const high = i8x16.shuffle(half, i32x4.splat(0), 16, 16, 16, 16, 16, 16, 16, 16, 0, 1, 2, 3, 4, 5, 6, 7);
  return i32x4.add(half, s1(high));
}

/** Mixes `blocks` blocks from `p` on into the eight words at `state`. */
export function compressSimd(state: usize, p: usize, blocks: u32): void {
  let a = load<u32>(state, 0);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  const end = p + <usize>blocks * BLOCK_BYTES;
  for (; p < end; p += BLOCK_BYTES) {
    let x0 = bigEndian(v128.load(p, 0));
    let x1 = bigEndian(v128.load(p, 16));
    let x2 = bigEndian(v128.load(p, 32));
    let x3 = bigEndian(v128.load(p, 48));
    v128.store(WK, i32x4.add(x0, v128.load(K, 0)), 0);
    v128.store(WK, i32x4.add(x1, v128.load(K, 16)), 16);
    v128.store(WK, i32x4.add(x2, v128.load(K, 32)), 32);
    v128.store(WK, i32x4.add(x3, v128.load(K, 48)), 48);

    // Rounds 0 to 47: while four rounds run, the words they used are replaced by those for sixteen rounds later.
    // prettier-ignore
    for (let k = K + 64; k < K + 256; k += 64) {
      x0 = allDone(halfDone(x0, x1, x2, x3));
      h = t1(e, f, g, h, load<u32>(WK, 0)); d += h; h = t2(a, b, c, h);
      g = t1(d, e, f, g, load<u32>(WK, 4)); c += g; g = t2(h, a, b, g);
      f = t1(c, d, e, f, load<u32>(WK, 8)); b += f; f = t2(g, h, a, f);
      e = t1(b, c, d, e, load<u32>(WK, 12)); a += e; e = t2(f, g, h, e);
      v128.store(WK, i32x4.add(x0, v128.load(k, 0)), 0);
      x1 = allDone(halfDone(x1, x2, x3, x0));
      d = t1(a, b, c, d, load<u32>(WK, 16)); h += d; d = t2(e, f, g, d);
      c = t1(h, a, b, c, load<u32>(WK, 20)); g += c; c = t2(d, e, f, c);
      b = t1(g, h, a, b, load<u32>(WK, 24)); f += b; b = t2(c, d, e, b);
      a = t1(f, g, h, a, load<u32>(WK, 28)); e += a; a = t2(b, c, d, a);
      v128.store(WK, i32x4.add(x1, v128.load(k, 16)), 16);
      x2 = allDone(halfDone(x2, x3, x0, x1));
      h = t1(e, f, g, h, load<u32>(WK, 32)); d += h; h = t2(a, b, c, h);
      g = t1(d, e, f, g, load<u32>(WK, 36)); c += g; g = t2(h, a, b, g);
      f = t1(c, d, e, f, load<u32>(WK, 40)); b += f; f = t2(g, h, a, f);
      e = t1(b, c, d, e, load<u32>(WK, 44)); a += e; e = t2(f, g, h, e);
      v128.store(WK, i32x4.add(x2, v128.load(k, 32)), 32);
      x3 = allDone(halfDone(x3, x0, x1, x2));
      d = t1(a, b, c, d, load<u32>(WK, 48)); h += d; d = t2(e, f, g, d);
      c = t1(h, a, b, c, load<u32>(WK, 52)); g += c; c = t2(d, e, f, c);
      b = t1(g, h, a, b, load<u32>(WK, 56)); f += b; b = t2(c, d, e, b);
      a = t1(f, g, h, a, load<u32>(WK, 60)); e += a; a = t2(b, c, d, a);
      v128.store(WK, i32x4.add(x3, v128.load(k, 48)), 48);
    }
    // Rounds 48 to 63.
    // prettier-ignore
    {
      h = t1(e, f, g, h, load<u32>(WK, 0)); d += h; h = t2(a, b, c, h);
      g = t1(d, e, f, g, load<u32>(WK, 4)); c += g; g = t2(h, a, b, g);
      f = t1(c, d, e, f, load<u32>(WK, 8)); b += f; f = t2(g, h, a, f);
      e = t1(b, c, d, e, load<u32>(WK, 12)); a += e; e = t2(f, g, h, e);
      d = t1(a, b, c, d, load<u32>(WK, 16)); h += d; d = t2(e, f, g, d);
      c = t1(h, a, b, c, load<u32>(WK, 20)); g += c; c = t2(d, e, f, c);
      b = t1(g, h, a, b, load<u32>(WK, 24)); f += b; b = t2(c, d, e, b);
      a = t1(f, g, h, a, load<u32>(WK, 28)); e += a; a = t2(b, c, d, a);
      h = t1(e, f, g, h, load<u32>(WK, 32)); d += h; h = t2(a, b, c, h);
      g = t1(d, e, f, g, load<u32>(WK, 36)); c += g; g = t2(h, a, b, g);
      f = t1(c, d, e, f, load<u32>(WK, 40)); b += f; f = t2(g, h, a, f);
      e = t1(b, c, d, e, load<u32>(WK, 44)); a += e; e = t2(f, g, h, e);
      d = t1(a, b, c, d, load<u32>(WK, 48)); h += d; d = t2(e, f, g, d);
      c = t1(h, a, b, c, load<u32>(WK, 52)); g += c; c = t2(d, e, f, c);
      b = t1(g, h, a, b, load<u32>(WK, 56)); f += b; b = t2(c, d, e, b);
      a = t1(f, g, h, a, load<u32>(WK, 60)); e += a; a = t2(b, c, d, a);
    }
    store<u32>(state, (a += load<u32>(state, 0)), 0);
    store<u32>(state, (b += load<u32>(state, 4)), 4);
    store<u32>(state, (c += load<u32>(state, 8)), 8);
    store<u32>(state, (d += load<u32>(state, 12)), 12);
    store<u32>(state, (e += load<u32>(state, 16)), 16);
    store<u32>(state, (f += load<u32>(state, 20)), 20);
    store<u32>(state, (g += load<u32>(state, 24)), 24);
    store<u32>(state, (h += load<u32>(state, 28)), 28);
  }
}
