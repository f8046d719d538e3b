/**
 * Which image of a family to begin next: one that would not wait for layers that an image under way is making. While its
 * lowest layer is made by another, an image can do nothing at all.
 */
import { layersOf, type PlannedImage } from "../plan/planned-image.ts";

export class Picker {
  readonly #waiting: Set<PlannedImage>;
  /** ChainIDs that are in the store, or were when somebody ended. */
  readonly #made: Set<string>;
  readonly #underWay = new Map<PlannedImage, ReadonlySet<string>>();

  constructor(images: readonly PlannedImage[], made: Iterable<string>) {
    this.#waiting = new Set(images);
    this.#made = new Set(made);
  }

  get isOver(): boolean {
    return this.#waiting.size === 0 && this.#underWay.size === 0;
  }

  /** Undefined while all that is left would wait. */
  next(): PlannedImage | undefined {
    const being = new Set([...this.#underWay.values()].flatMap((chains) => [...chains]));
    for (const image of this.#waiting) {
      const missing = layersOf(image).filter(({ chainId }) => !this.#made.has(chainId));
      if (missing.some(({ chainId }) => being.has(chainId))) continue;
      this.#waiting.delete(image);
      this.#underWay.set(image, new Set(missing.map(({ chainId }) => chainId)));
      return image;
    }
    return undefined;
  }

  ended(image: PlannedImage, isImported: boolean): void {
    const chains = this.#underWay.get(image) ?? [];
    this.#underWay.delete(image);
    if (isImported) for (const chainId of chains) this.#made.add(chainId);
  }
}
