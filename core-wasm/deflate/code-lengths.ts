/**
 * The shortest prefix code for symbols that occur so and so often (Huffman's, by the method of Moffat and Katajainen in
 * place on sorted counts), with no code longer than a limit.
 */

/** Symbols that occur, the rarest first: count (16 bits), symbol (16 bits). */
const SORTED: usize = memory.data(288 * 4, 16);
const OTHER: usize = memory.data(288 * 4, 16);
/** While sorting: where the next one goes. */
const PLACES: usize = memory.data(256 * 4, 16);
/** Counts, then parents, then depths. */
const NODES: usize = memory.data(288 * 4, 16);
/** How many codes there are of each length; no code of 286 symbols is longer than 24 when no count is above 65,535. */
const LENGTHS: usize = memory.data(32 * 4, 16);

function node(i: i32): u32 {
  return load<u32>(NODES + ((<usize>i) << 2));
}

function setNode(i: i32, value: u32): void {
  store<u32>(NODES + ((<usize>i) << 2), value);
}

/**
 * Writes the code length of each of `symbols` symbols, 0 for one that does not occur. `counts` are words of at most
 * 65,535. There are always two codes at least, so that the code is complete.
 */
export function codeLengths(counts: usize, symbols: u32, limit: u32, lengths: usize): void {
  memory.fill(lengths, 0, symbols);
  const used = sortUsed(counts, symbols);
  buildTree(used);
  countDepths(used);
  shorten(limit);
  let at: u32 = 0;
  for (let length: u32 = limit; length > 0; length--) {
    for (let left = load<u32>(LENGTHS + (length << 2)); left > 0; left--) {
      store<u8>(lengths + <usize>load<u16>(SORTED + (at++ << 2)), <u8>length);
    }
  }
}

/** Returns how many there are. */
function sortUsed(counts: usize, symbols: u32): i32 {
  let used: u32 = 0;
  let all: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = load<u32>(counts + (symbol << 2));
    if (count == 0) continue;
    all |= count;
    store<u32>(SORTED + (used++ << 2), (count << 16) | symbol);
  }
  for (let symbol: u32 = 0; used < 2; symbol++) {
    if (load<u32>(counts + (symbol << 2)) != 0) continue;
    // One that does not occur, but in front as the rarest.
    if (used == 1) store<u32>(SORTED + 4, load<u32>(SORTED));
    store<u32>(SORTED, (1 << 16) | symbol);
    if (used++ == 0) all = 1;
  }
  sortByByte(SORTED, OTHER, used, 16);
  if (all > 255) sortByByte(OTHER, SORTED, used, 24);
  else memory.copy(SORTED, OTHER, used << 2);
  return used;
}

/** Stable. */
function sortByByte(from: usize, to: usize, length: u32, shift: u32): void {
  memory.fill(PLACES, 0, 256 * 4);
  const end = from + (length << 2);
  for (let p = from; p < end; p += 4) {
    const at = PLACES + ((<usize>((load<u32>(p) >>> shift) & 255)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let place: u32 = 0;
  for (let at = PLACES; at < PLACES + 1024; at += 4) {
    const count = load<u32>(at);
    store<u32>(at, place);
    place += count;
  }
  for (let p = from; p < end; p += 4) {
    const key = load<u32>(p);
    const at = PLACES + ((<usize>((key >>> shift) & 255)) << 2);
    const mine = load<u32>(at);
    store<u32>(at, mine + 1);
    store<u32>(to + (mine << 2), key);
  }
}

/** Leaves in each inner node, of the `used` - 1, the number of its parent. The last one is the root. */
function buildTree(used: i32): void {
  for (let i = 0; i < used; i++) setNode(i, load<u32>(SORTED + ((<usize>i) << 2)) >>> 16);
  let leaf: i32 = 0;
  let root: i32 = 0;
  for (let next: i32 = 0; next < used - 1; next++) {
    let sum: u32 = 0;
    for (let child = 0; child < 2; child++) {
      if (leaf >= used || (root < next && node(root) < node(leaf))) {
        sum += node(root);
        setNode(root++, next);
      } else {
        sum += node(leaf++);
      }
    }
    setNode(next, sum);
  }
}

function countDepths(used: i32): void {
  memory.fill(LENGTHS, 0, 32 * 4);
  setNode(used - 2, 0);
  for (let i = used - 3; i >= 0; i--) setNode(i, node(node(i)) + 1);
  let inner = used - 2;
  let open: i32 = 1;
  for (let depth: u32 = 0; open > 0; depth++) {
    let parents: i32 = 0;
    for (; inner >= 0 && node(inner) == depth; inner--) parents++;
    store<u32>(LENGTHS + (depth << 2), open - parents);
    open = 2 * parents;
  }
}

/** Takes codes that are too long up to the limit, and makes room there by pushing others down. */
function shorten(limit: u32): void {
  let tooLong: u32 = 0;
  let room: i32 = 1 << limit;
  for (let length: u32 = 1; length < 32; length++) {
    const count = load<u32>(LENGTHS + (length << 2));
    if (length <= limit) room -= count << (limit - length);
    else tooLong += count;
  }
  if (tooLong == 0) return;
  const longest = LENGTHS + (limit << 2);
  store<u32>(longest, load<u32>(longest) + tooLong);
  room -= tooLong;
  for (; room < 0; room++) {
    // A code one shorter becomes two of the next length: one of the longest finds its place there.
    let length = limit - 1;
    while (load<u32>(LENGTHS + (length << 2)) == 0) length--;
    store<u32>(LENGTHS + (length << 2), load<u32>(LENGTHS + (length << 2)) - 1);
    store<u32>(LENGTHS + ((length + 1) << 2), load<u32>(LENGTHS + ((length + 1) << 2)) + 2);
    store<u32>(longest, load<u32>(longest) - 1);
  }
}
