/** What became of each layer, by the digest of its blob, from what loading and pulling say of their progress. */
import type { LayerReport } from "../batch-report.ts";
import { layersOf, type PlannedImage } from "../plan/planned-image.ts";
import type { LayerEvent } from "./events.ts";

type Entry = { -readonly [Field in keyof LayerReport]: LayerReport[Field] };

export class LayerLedger {
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Set<Entry>();
  readonly #claimed = new Set<string>();
  readonly #fetchedSoFar: (digest: string) => number;
  readonly #nowMs: () => number;

  /** @param fetchedBytes of a blob, over the network, so far; what does not come that way counts when it is read. */
  constructor(images: readonly PlannedImage[], fetchedBytes: (digest: string) => number, nowMs: () => number) {
    this.#fetchedSoFar = fetchedBytes;
    this.#nowMs = nowMs;
    for (const image of images) {
      for (const { digest, sizeBytes } of new Map(layersOf(image).map((layer) => [layer.digest, layer])).values()) {
        const entry = this.#entries.get(digest);
        if (entry === undefined) this.#entries.set(digest, newEntry(digest, sizeBytes));
        else entry.imageCount++;
      }
    }
  }

  get reports(): readonly LayerReport[] {
    return [...this.#entries.values()].map((entry) => ({ ...entry }));
  }

  /** Fetched bytes of these layers, less what has been claimed before. */
  claim(digests: ReadonlySet<string>): number {
    let bytes = 0;
    for (const digest of digests) {
      if (this.#claimed.has(digest)) continue;
      this.#claimed.add(digest);
      bytes += this.#entries.get(digest)?.fetchedBytes ?? 0;
    }
    return bytes;
  }

  /** Those that have changed since it was asked last. */
  takeChanged(): readonly LayerReport[] {
    const changed = [...this.#changed].map((entry) => ({ ...entry }));
    this.#changed.clear();
    return changed;
  }

  update({ layer, phase }: LayerEvent, kind: PlannedImage["kind"]): void {
    const entry = this.#entries.get(layer);
    if (entry === undefined) return;
    this.#changed.add(entry);
    if (phase === "waiting") return;
    if (phase === "reused") {
      if (entry.status === "pending") entry.status = "reused";
      return;
    }
    entry.startedMs ??= this.#nowMs();
    entry.fetchedBytes = Math.max(entry.fetchedBytes, this.#fetchedSoFar(layer));
    if (phase !== "done") return;
    if (kind === "file" && entry.fetchedBytes === 0) entry.fetchedBytes = entry.sizeBytes;
    entry.status = "done";
    entry.elapsedMs = this.#nowMs() - entry.startedMs;
  }

  /** Where images ended: what they brought no further than it was has failed, what was here is reused. */
  ended(image: PlannedImage, isImported: boolean): void {
    for (const { digest } of layersOf(image)) {
      const entry = this.#entries.get(digest);
      if (entry?.status !== "pending" && entry?.status !== "failed") continue;
      if (!isImported && entry.startedMs === null) continue;
      entry.status = isImported ? "reused" : "failed";
      entry.fetchedBytes = Math.max(entry.fetchedBytes, this.#fetchedSoFar(digest));
      this.#changed.add(entry);
    }
  }
}

function newEntry(digest: string, sizeBytes: number): Entry {
  const none = { fetchedBytes: 0, startedMs: null, elapsedMs: null, worker: null };
  return { digest, sizeBytes, imageCount: 1, status: "pending", ...none };
}
