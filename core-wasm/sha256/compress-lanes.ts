/**
 * SHA-256 over four streams at once: lane i of every vector belongs to stream i. The rounds are those of compress.ts,
 * four words wide.
 */
import { K, BLOCK_BYTES } from "./constants";

/** The 16 words of the schedule in use, four lanes each. */
const W: usize = memory.data(256, 64);

function rotateRight(x: v128, by: i32): v128 {
  return v128.or(i32x4.shr_u(x, by), i32x4.shl(x, 32 - by));
}

function xor3(x: v128, y: v128, z: v128): v128 {
  return v128.xor(v128.xor(x, y), z);
}

function add4(x: v128, y: v128, z: v128, u: v128): v128 {
  return i32x4.add(i32x4.add(x, y), i32x4.add(z, u));
}

function t1(e: v128, f: v128, g: v128, h: v128, wk: v128): v128 {
  const sum = xor3(rotateRight(e, 6), rotateRight(e, 11), rotateRight(e, 25));
  const ch = v128.xor(v128.and(v128.xor(f, g), e), g);
  return add4(h, sum, ch, wk);
}

function t2(a: v128, b: v128, c: v128, t1: v128): v128 {
  const sum = xor3(rotateRight(a, 2), rotateRight(a, 13), rotateRight(a, 22));
  const maj = v128.or(v128.and(a, b), v128.and(v128.or(a, b), c));
  return i32x4.add(i32x4.add(t1, sum), maj);
}

/** Word `at` of the schedule plus its constant. */
function first(at: usize, k: usize): v128 {
  return i32x4.add(v128.load(W + at), v128.load32_splat(k));
}

/** Replaces the word at `at` by the one sixteen rounds later, from those 15, 7 and 2 words before that; adds its constant. */
function next(at: usize, w15: usize, w7: usize, w2: usize, k: usize): v128 {
  const x15 = v128.load(W + w15);
  const x2 = v128.load(W + w2);
  const s0 = xor3(rotateRight(x15, 7), rotateRight(x15, 18), i32x4.shr_u(x15, 3));
  const s1 = xor3(rotateRight(x2, 17), rotateRight(x2, 19), i32x4.shr_u(x2, 10));
  const w = add4(v128.load(W + at), s0, v128.load(W + w7), s1);
  v128.store(W + at, w);
  return i32x4.add(w, v128.load32_splat(k));
}

function bigEndian(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Loads the `quarter`th four words of each stream's block and stores them word by word across the lanes. */
function transposeQuarter(quarter: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const x0 = bigEndian(v128.load(p0 + 16 * quarter));
  const x1 = bigEndian(v128.load(p1 + 16 * quarter));
  const x2 = bigEndian(v128.load(p2 + 16 * quarter));
  const x3 = bigEndian(v128.load(p3 + 16 * quarter));
  const low01 = i8x16.shuffle(x0, x1, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const low23 = i8x16.shuffle(x2, x3, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const high01 = i8x16.shuffle(x0, x1, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const high23 = i8x16.shuffle(x2, x3, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const at = W + 64 * quarter;
  v128.store(at, i8x16.shuffle(low01, low23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 0);
  v128.store(at, i8x16.shuffle(low01, low23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 16);
  v128.store(at, i8x16.shuffle(high01, high23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 32);
  v128.store(at, i8x16.shuffle(high01, high23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 48);
}

/** Mixes `blocks` blocks of each stream into `lanes`: eight vectors, word by word across the streams. */
export function compressLanes(lanes: usize, p0: usize, p1: usize, p2: usize, p3: usize, blocks: u32): void {
  let a = v128.load(lanes, 0);
  let b = v128.load(lanes, 16);
  let c = v128.load(lanes, 32);
  let d = v128.load(lanes, 48);
  let e = v128.load(lanes, 64);
  let f = v128.load(lanes, 80);
  let g = v128.load(lanes, 96);
  let h = v128.load(lanes, 112);
  for (; blocks > 0; blocks--) {
    transposeQuarter(0, p0, p1, p2, p3);
    transposeQuarter(1, p0, p1, p2, p3);
    transposeQuarter(2, p0, p1, p2, p3);
    transposeQuarter(3, p0, p1, p2, p3);
    // prettier-ignore
    {
      h = t1(e, f, g, h, first(0, K + 0)); d = i32x4.add(d, h); h = t2(a, b, c, h);
      g = t1(d, e, f, g, first(16, K + 4)); c = i32x4.add(c, g); g = t2(h, a, b, g);
      f = t1(c, d, e, f, first(32, K + 8)); b = i32x4.add(b, f); f = t2(g, h, a, f);
      e = t1(b, c, d, e, first(48, K + 12)); a = i32x4.add(a, e); e = t2(f, g, h, e);
      d = t1(a, b, c, d, first(64, K + 16)); h = i32x4.add(h, d); d = t2(e, f, g, d);
      c = t1(h, a, b, c, first(80, K + 20)); g = i32x4.add(g, c); c = t2(d, e, f, c);
      b = t1(g, h, a, b, first(96, K + 24)); f = i32x4.add(f, b); b = t2(c, d, e, b);
      a = t1(f, g, h, a, first(112, K + 28)); e = i32x4.add(e, a); a = t2(b, c, d, a);
      h = t1(e, f, g, h, first(128, K + 32)); d = i32x4.add(d, h); h = t2(a, b, c, h);
      g = t1(d, e, f, g, first(144, K + 36)); c = i32x4.add(c, g); g = t2(h, a, b, g);
      f = t1(c, d, e, f, first(160, K + 40)); b = i32x4.add(b, f); f = t2(g, h, a, f);
      e = t1(b, c, d, e, first(176, K + 44)); a = i32x4.add(a, e); e = t2(f, g, h, e);
      d = t1(a, b, c, d, first(192, K + 48)); h = i32x4.add(h, d); d = t2(e, f, g, d);
      c = t1(h, a, b, c, first(208, K + 52)); g = i32x4.add(g, c); c = t2(d, e, f, c);
      b = t1(g, h, a, b, first(224, K + 56)); f = i32x4.add(f, b); b = t2(c, d, e, b);
      a = t1(f, g, h, a, first(240, K + 60)); e = i32x4.add(e, a); a = t2(b, c, d, a);
    }
    // prettier-ignore
    for (let k = K + 64; k < K + 256; k += 64) {
      h = t1(e, f, g, h, next(0, 16, 144, 224, k + 0)); d = i32x4.add(d, h); h = t2(a, b, c, h);
      g = t1(d, e, f, g, next(16, 32, 160, 240, k + 4)); c = i32x4.add(c, g); g = t2(h, a, b, g);
      f = t1(c, d, e, f, next(32, 48, 176, 0, k + 8)); b = i32x4.add(b, f); f = t2(g, h, a, f);
      e = t1(b, c, d, e, next(48, 64, 192, 16, k + 12)); a = i32x4.add(a, e); e = t2(f, g, h, e);
      d = t1(a, b, c, d, next(64, 80, 208, 32, k + 16)); h = i32x4.add(h, d); d = t2(e, f, g, d);
      c = t1(h, a, b, c, next(80, 96, 224, 48, k + 20)); g = i32x4.add(g, c); c = t2(d, e, f, c);
      b = t1(g, h, a, b, next(96, 112, 240, 64, k + 24)); f = i32x4.add(f, b); b = t2(c, d, e, b);
      a = t1(f, g, h, a, next(112, 128, 0, 80, k + 28)); e = i32x4.add(e, a); a = t2(b, c, d, a);
      h = t1(e, f, g, h, next(128, 144, 16, 96, k + 32)); d = i32x4.add(d, h); h = t2(a, b, c, h);
      g = t1(d, e, f, g, next(144, 160, 32, 112, k + 36)); c = i32x4.add(c, g); g = t2(h, a, b, g);
      f = t1(c, d, e, f, next(160, 176, 48, 128, k + 40)); b = i32x4.add(b, f); f = t2(g, h, a, f);
      e = t1(b, c, d, e, next(176, 192, 64, 144, k + 44)); a = i32x4.add(a, e); e = t2(f, g, h, e);
      d = t1(a, b, c, d, next(192, 208, 80, 160, k + 48)); h = i32x4.add(h, d); d = t2(e, f, g, d);
      c = t1(h, a, b, c, next(208, 224, 96, 176, k + 52)); g = i32x4.add(g, c); c = t2(d, e, f, c);
      b = t1(g, h, a, b, next(224, 240, 112, 192, k + 56)); f = i32x4.add(f, b); b = t2(c, d, e, b);
      a = t1(f, g, h, a, next(240, 0, 128, 208, k + 60)); e = i32x4.add(e, a); a = t2(b, c, d, a);
    }
    a = i32x4.add(a, v128.load(lanes, 0));
    v128.store(lanes, a, 0);
    b = i32x4.add(b, v128.load(lanes, 16));
    v128.store(lanes, b, 16);
    c = i32x4.add(c, v128.load(lanes, 32));
    v128.store(lanes, c, 32);
    d = i32x4.add(d, v128.load(lanes, 48));
    v128.store(lanes, d, 48);
    e = i32x4.add(e, v128.load(lanes, 64));
    v128.store(lanes, e, 64);
    f = i32x4.add(f, v128.load(lanes, 80));
    v128.store(lanes, f, 80);
    g = i32x4.add(g, v128.load(lanes, 96));
    v128.store(lanes, g, 96);
    h = i32x4.add(h, v128.load(lanes, 112));
    v128.store(lanes, h, 112);
    p0 += BLOCK_BYTES;
    p1 += BLOCK_BYTES;
    p2 += BLOCK_BYTES;
    p3 += BLOCK_BYTES;
  }
}
