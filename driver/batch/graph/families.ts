/** Images that share layers: what is done together is fetched and extracted once, whoever does the rest of the set. */
import { keyOf, layersOf, type PlannedImage } from "../plan/planned-image.ts";

export interface Family {
  /** Digest of the lowest layer of its first image; the image's key for one without layers. */
  readonly id: string;
  /** Those that bring what others stand on first. */
  readonly images: readonly PlannedImage[];
  /** Of its layers, each once. */
  readonly sizeBytes: number;
}

/** Smaller layers are not worth keeping images together for: many images have the same empty one. */
const leastSharedBytes = 1024;

/** Every image in one family, the biggest family first: the last to end should not be the last to begin. */
export function familiesOf(images: readonly PlannedImage[]): readonly Family[] {
  const parents = images.map((_, index) => index);
  const rootOf = (index: number): number => {
    let at = index;
    for (let up = parents[at] ?? at; up !== at; up = parents[at] ?? at) {
      parents[at] = parents[up] ?? up;
      at = up;
    }
    return at;
  };
  const holders = new Map<string, number>();
  for (const [index, image] of images.entries()) {
    for (const { digest, sizeBytes } of layersOf(image)) {
      if (sizeBytes < leastSharedBytes) continue;
      const holder = holders.get(digest);
      if (holder === undefined) holders.set(digest, index);
      else parents[rootOf(index)] = rootOf(holder);
    }
  }
  const groups = Map.groupBy(images.entries(), ([index]) => rootOf(index));
  const families = [...groups.values()].map((group) => familyOf(group.map(([, image]) => image)));
  return families.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
}

function familyOf(images: readonly PlannedImage[]): Family {
  const ordered = inOrder(images);
  const [first] = ordered;
  if (first === undefined) throw new TypeError("a family has images");
  const sizes = new Map(images.flatMap(layersOf).map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  return {
    id: layersOf(first)[0]?.digest ?? keyOf(first),
    images: ordered,
    sizeBytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
  };
}

/**
 * Those first that have the most bytes which others wait for, and of these the one with the least of its own: until its
 * layers are there, all others that stand on them wait.
 */
export function inOrder(images: readonly PlannedImage[]): readonly PlannedImage[] {
  const holders = new Map<string, number>();
  for (const image of images) {
    for (const { chainId } of layersOf(image)) holders.set(chainId, (holders.get(chainId) ?? 0) + 1);
  }
  const weighed = images.map((image) => {
    let shared = 0;
    let own = 0;
    for (const { chainId, sizeBytes } of layersOf(image)) {
      if ((holders.get(chainId) ?? 0) > 1) shared += sizeBytes;
      else own += sizeBytes;
    }
    return { image, own, shared };
  });
  const ordered: PlannedImage[] = [];
  const brought = new Set<string>();
  const rest = new Set(weighed.toSorted((a, b) => b.shared - a.shared || a.own - b.own));
  // Who brings something shared that nobody before brings is an opener; the others follow.
  for (const each of rest) {
    const brings = layersOf(each.image).filter(({ chainId }) => (holders.get(chainId) ?? 0) > 1);
    if (brings.every(({ chainId }) => brought.has(chainId))) continue;
    for (const { chainId } of brings) brought.add(chainId);
    ordered.push(each.image);
    rest.delete(each);
  }
  // The most work first, so that the end is not one image's.
  return [...ordered, ...[...rest].toSorted((a, b) => b.own - a.own).map(({ image }) => image)];
}
