/** SHA-256 compression without SIMD: the sixteen words of the message schedule in use are locals. */
import { K, BLOCK_BYTES } from "./constants";
import { scheduled, t1, t2 } from "./round";

/** Mixes `blocks` blocks from `p` on into the eight words at `state`. */
export function compressScalar(state: usize, p: usize, blocks: u32): void {
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
    let w0 = bswap<u32>(load<u32>(p, 0));
    let w1 = bswap<u32>(load<u32>(p, 4));
    let w2 = bswap<u32>(load<u32>(p, 8));
    let w3 = bswap<u32>(load<u32>(p, 12));
    let w4 = bswap<u32>(load<u32>(p, 16));
    let w5 = bswap<u32>(load<u32>(p, 20));
    let w6 = bswap<u32>(load<u32>(p, 24));
    let w7 = bswap<u32>(load<u32>(p, 28));
    let w8 = bswap<u32>(load<u32>(p, 32));
    let w9 = bswap<u32>(load<u32>(p, 36));
    let w10 = bswap<u32>(load<u32>(p, 40));
    let w11 = bswap<u32>(load<u32>(p, 44));
    let w12 = bswap<u32>(load<u32>(p, 48));
    let w13 = bswap<u32>(load<u32>(p, 52));
    let w14 = bswap<u32>(load<u32>(p, 56));
    let w15 = bswap<u32>(load<u32>(p, 60));
    // prettier-ignore
    {
      h = t1(e, f, g, h, w0 + load<u32>(K, 0)); d += h; h = t2(a, b, c, h);
      g = t1(d, e, f, g, w1 + load<u32>(K, 4)); c += g; g = t2(h, a, b, g);
      f = t1(c, d, e, f, w2 + load<u32>(K, 8)); b += f; f = t2(g, h, a, f);
      e = t1(b, c, d, e, w3 + load<u32>(K, 12)); a += e; e = t2(f, g, h, e);
      d = t1(a, b, c, d, w4 + load<u32>(K, 16)); h += d; d = t2(e, f, g, d);
      c = t1(h, a, b, c, w5 + load<u32>(K, 20)); g += c; c = t2(d, e, f, c);
      b = t1(g, h, a, b, w6 + load<u32>(K, 24)); f += b; b = t2(c, d, e, b);
      a = t1(f, g, h, a, w7 + load<u32>(K, 28)); e += a; a = t2(b, c, d, a);
      h = t1(e, f, g, h, w8 + load<u32>(K, 32)); d += h; h = t2(a, b, c, h);
      g = t1(d, e, f, g, w9 + load<u32>(K, 36)); c += g; g = t2(h, a, b, g);
      f = t1(c, d, e, f, w10 + load<u32>(K, 40)); b += f; f = t2(g, h, a, f);
      e = t1(b, c, d, e, w11 + load<u32>(K, 44)); a += e; e = t2(f, g, h, e);
      d = t1(a, b, c, d, w12 + load<u32>(K, 48)); h += d; d = t2(e, f, g, d);
      c = t1(h, a, b, c, w13 + load<u32>(K, 52)); g += c; c = t2(d, e, f, c);
      b = t1(g, h, a, b, w14 + load<u32>(K, 56)); f += b; b = t2(c, d, e, b);
      a = t1(f, g, h, a, w15 + load<u32>(K, 60)); e += a; a = t2(b, c, d, a);
    }
    // prettier-ignore
    for (let k = K + 64; k < K + 256; k += 64) {
      w0 = scheduled(w0, w1, w9, w14);
      h = t1(e, f, g, h, w0 + load<u32>(k, 0)); d += h; h = t2(a, b, c, h);
      w1 = scheduled(w1, w2, w10, w15);
      g = t1(d, e, f, g, w1 + load<u32>(k, 4)); c += g; g = t2(h, a, b, g);
      w2 = scheduled(w2, w3, w11, w0);
      f = t1(c, d, e, f, w2 + load<u32>(k, 8)); b += f; f = t2(g, h, a, f);
      w3 = scheduled(w3, w4, w12, w1);
      e = t1(b, c, d, e, w3 + load<u32>(k, 12)); a += e; e = t2(f, g, h, e);
      w4 = scheduled(w4, w5, w13, w2);
      d = t1(a, b, c, d, w4 + load<u32>(k, 16)); h += d; d = t2(e, f, g, d);
      w5 = scheduled(w5, w6, w14, w3);
      c = t1(h, a, b, c, w5 + load<u32>(k, 20)); g += c; c = t2(d, e, f, c);
      w6 = scheduled(w6, w7, w15, w4);
      b = t1(g, h, a, b, w6 + load<u32>(k, 24)); f += b; b = t2(c, d, e, b);
      w7 = scheduled(w7, w8, w0, w5);
      a = t1(f, g, h, a, w7 + load<u32>(k, 28)); e += a; a = t2(b, c, d, a);
      w8 = scheduled(w8, w9, w1, w6);
      h = t1(e, f, g, h, w8 + load<u32>(k, 32)); d += h; h = t2(a, b, c, h);
      w9 = scheduled(w9, w10, w2, w7);
      g = t1(d, e, f, g, w9 + load<u32>(k, 36)); c += g; g = t2(h, a, b, g);
      w10 = scheduled(w10, w11, w3, w8);
      f = t1(c, d, e, f, w10 + load<u32>(k, 40)); b += f; f = t2(g, h, a, f);
      w11 = scheduled(w11, w12, w4, w9);
      e = t1(b, c, d, e, w11 + load<u32>(k, 44)); a += e; e = t2(f, g, h, e);
      w12 = scheduled(w12, w13, w5, w10);
      d = t1(a, b, c, d, w12 + load<u32>(k, 48)); h += d; d = t2(e, f, g, d);
      w13 = scheduled(w13, w14, w6, w11);
      c = t1(h, a, b, c, w13 + load<u32>(k, 52)); g += c; c = t2(d, e, f, c);
      w14 = scheduled(w14, w15, w7, w12);
      b = t1(g, h, a, b, w14 + load<u32>(k, 56)); f += b; b = t2(c, d, e, b);
      w15 = scheduled(w15, w0, w8, w13);
      a = t1(f, g, h, a, w15 + load<u32>(k, 60)); e += a; a = t2(b, c, d, a);
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
