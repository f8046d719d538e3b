/** The functions of one SHA-256 round and of the message schedule (FIPS 180-4, 4.1.2), on one 32-bit word. */

function ch(e: u32, f: u32, g: u32): u32 {
  return ((f ^ g) & e) ^ g;
}

function maj(a: u32, b: u32, c: u32): u32 {
  return (a & b) | ((a | b) & c);
}

/** T1 of a round; `wk` is the word of the schedule plus the round's constant. */
export function t1(e: u32, f: u32, g: u32, h: u32, wk: u32): u32 {
  return h + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + ch(e, f, g) + wk;
}

/** T1 + T2 of a round. */
export function t2(a: u32, b: u32, c: u32, t1: u32): u32 {
  return t1 + (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + maj(a, b, c);
}

/** The next word of the schedule from those 16, 15, 7 and 2 words before it. */
export function scheduled(w16: u32, w15: u32, w7: u32, w2: u32): u32 {
  const s0 = rotr<u32>(w15, 7) ^ rotr<u32>(w15, 18) ^ (w15 >>> 3);
  const s1 = rotr<u32>(w2, 17) ^ rotr<u32>(w2, 19) ^ (w2 >>> 10);
  return w16 + s0 + w7 + s1;
}
