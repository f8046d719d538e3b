/** One run of a batch on its way into the journal: what earlier runs did stays, what this one does is added. */
import type { BatchReport, BatchTotals, ImageReport, LayerReport } from "../batch-report.ts";
import type { Journal, JournalBatch, JournalImage } from "../journal/journal.ts";
import type { SetPlan } from "../plan/plan-set.ts";
import { isDiskFull } from "./disk-guard.ts";
import { keyOf, layersOf, namesOf, sizeOf, uniqueLayers } from "../plan/planned-image.ts";

export class BatchRecord {
  readonly #journal: Journal;
  readonly #batch: JournalBatch;
  /** As they were when this run began. */
  readonly #former: ReadonlyMap<string, LayerReport>;
  readonly #imageCounts = new Map<string, number>();
  readonly #beganMs = performance.now();

  /** Writes what the batch is about, with what earlier runs of it did; who joins a run finds that written. */
  constructor(journal: Journal, batch: JournalBatch, plan: SetPlan, { joins }: { readonly joins: boolean }) {
    this.#journal = journal;
    this.#batch = batch;
    this.#former = new Map(journal.layers(batch).map((layer) => [layer.digest, layer]));
    for (const image of plan.images) {
      for (const digest of new Set(layersOf(image).map((layer) => layer.digest))) {
        this.#imageCounts.set(digest, (this.#imageCounts.get(digest) ?? 0) + 1);
      }
    }
    if (joins) return;
    const formerImages = new Map(journal.images(batch).map((image) => [image.report.source, image]));
    const images = imagesOf(plan).map((fresh): JournalImage => {
      const former = formerImages.get(fresh.report.source)?.report;
      const isSame = former?.status === "imported" && former.digest === (fresh.report.digest ?? former.digest);
      return isSame ? { ...fresh, report: former } : fresh;
    });
    const layers = uniqueLayers(plan.images).map(({ digest, sizeBytes }): LayerReport => {
      const none = { fetchedBytes: 0, status: "pending", startedMs: null, elapsedMs: null, worker: null } as const;
      return {
        ...none,
        ...this.#former.get(digest),
        digest,
        sizeBytes,
        imageCount: this.#imageCounts.get(digest) ?? 1,
      };
    });
    journal.setImages(batch, images, layers);
  }

  /** Of the whole batch, in ms. */
  get elapsedMs(): number {
    return Math.round(this.#batch.elapsedMs + performance.now() - this.#beganMs);
  }

  /** @param offsetMs of the report's times, from the beginning of the batch. */
  noteImage(report: ImageReport, offsetMs: number): void {
    const former = this.#journal.image(this.#batch, report.source)?.report;
    // What was imported by an earlier run of this batch is found to be here by this one.
    if (report.status === "present" && former?.status === "imported") return;
    unlessFull(() => {
      this.#journal.noteImage(this.#batch, later(report, offsetMs), this.elapsedMs);
    });
  }

  /** @param layers of this run, complete, not what has changed of them. */
  noteLayers(layers: readonly LayerReport[], offsetMs: number): void {
    if (layers.length === 0) return;
    const merged = layers.map((layer) => {
      const former = this.#former.get(layer.digest);
      const imageCount = this.#imageCounts.get(layer.digest) ?? layer.imageCount;
      return { ...added(former, later(layer, offsetMs)), imageCount };
    });
    unlessFull(() => {
      this.#journal.noteLayers(this.#batch, merged, this.elapsedMs);
    });
  }

  end(): void {
    this.#journal.end(this.#batch, this.elapsedMs);
  }

  report(): BatchReport {
    return reportOf(this.#journal, { ...this.#batch, elapsedMs: this.elapsedMs });
  }
}

/** Of a batch as the journal has it. */
export function reportOf(journal: Journal, batch: JournalBatch): BatchReport {
  const images = journal.images(batch).map(({ report }) => report);
  const layers = journal.layers(batch);
  return {
    version: 1,
    set: batch.name,
    startedAt: new Date(batch.startedMs).toISOString(),
    elapsedMs: batch.elapsedMs,
    runs: batch.runs,
    images,
    layers,
    totals: totalsOf(images, layers),
  };
}

export function totalsOf(images: readonly ImageReport[], layers: readonly LayerReport[]): BatchTotals {
  const count = (status: ImageReport["status"]): number => images.filter((image) => image.status === status).length;
  const sum = (of: (layer: LayerReport) => number): number => layers.reduce((bytes, layer) => bytes + of(layer), 0);
  return {
    imported: count("imported"),
    present: count("present"),
    failed: count("failed"),
    pending: count("pending"),
    uniqueLayers: layers.length,
    logicalBytes: sum(({ sizeBytes, imageCount }) => sizeBytes * imageCount),
    uniqueBytes: sum(({ sizeBytes }) => sizeBytes),
    fetchedBytes: sum(({ fetchedBytes }) => fetchedBytes),
  };
}

/** All of a plan, as it stands before anything was done: pending, or failed for what could not be resolved. */
export function imagesOf(plan: SetPlan): readonly JournalImage[] {
  const none = { fetchedBytes: 0, startedMs: null, elapsedMs: null, worker: null };
  const pending = plan.images.map((planned): JournalImage => {
    const digest = planned.contents[0]?.digest ?? null;
    const sizes = { layerCount: layersOf(planned).length, sizeBytes: sizeOf(planned) };
    const report = { source: keyOf(planned), status: "pending", digest, names: namesOf(planned), error: null } as const;
    return { planned, report: { ...none, ...sizes, ...report } };
  });
  const failed = plan.failures.map((failure): JournalImage => {
    const nothing = { digest: null, names: [], layerCount: 0, sizeBytes: 0 };
    const report = { source: keyOf(failure), status: "failed", error: failure.error } as const;
    return { planned: null, report: { ...none, ...nothing, ...report } };
  });
  return [...pending, ...failed];
}

/** Notes are worth less than what they are about: without room for them the import itself says so, or has room enough. */
function unlessFull(note: () => void): void {
  try {
    note();
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

function later<T extends { readonly startedMs: number | null }>(report: T, offsetMs: number): T {
  return report.startedMs === null ? report : { ...report, startedMs: Math.round(report.startedMs + offsetMs) };
}

function added(former: LayerReport | undefined, layer: LayerReport): LayerReport {
  if (former === undefined) return layer;
  const fetchedBytes = former.fetchedBytes + layer.fetchedBytes;
  const wasDone = former.status === "done";
  if (wasDone && layer.status !== "done" && layer.status !== "failed") return { ...former, fetchedBytes };
  if (layer.status === "pending") return { ...former, fetchedBytes };
  return { ...layer, fetchedBytes, startedMs: former.startedMs ?? layer.startedMs };
}
