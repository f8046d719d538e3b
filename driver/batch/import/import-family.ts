/**
 * The images of a family into one store: each layer is fetched and extracted once, by the image that comes first with it,
 * and the others find it there.
 */
import { asStorageError, type ErrorCode, type StorageError } from "../../base/errors.ts";
import type { Slots } from "../../registry/slots.ts";
import type { ImageReport, LayerReport } from "../batch-report.ts";
import type { Family } from "../graph/families.ts";
import { Picker } from "../graph/picker.ts";
import { keyOf, layersOf, namesOf, type PlannedImage, sizeOf } from "../plan/planned-image.ts";
import { type DiskGuard, isDiskFull } from "./disk-guard.ts";
import type { ImageEvent, ImportEvent, LayerEvent, LayerProgress } from "./events.ts";
import { importImage, type ImportContext } from "./import-image.ts";
import { LayerLedger } from "./layer-ledger.ts";
import { StoreSurvey } from "./store-survey.ts";

export interface FamilyContext extends ImportContext {
  /** Of images at once, shared with whatever else is imported into the store. */
  readonly slots: Slots;
  readonly disk: DiskGuard;
  /** Of before: what came since is found by importing it. Taken anew unless given. */
  readonly survey?: StoreSurvey | undefined;
}

export interface FamilyOptions {
  readonly signal: AbortSignal;
  readonly onEvent?: ((event: ImportEvent) => void) | undefined;
  /** Of each image, once. */
  readonly onImage?: ((report: ImageReport) => void) | undefined;
  /** Called now and then, and at the end, with layers that have changed. */
  readonly onLayers?: ((layers: readonly LayerReport[]) => void) | undefined;
  /** Of images before their last try. */
  readonly retries?: number | undefined;
}

/** May go through a queue. Times are from the call on. */
export interface FamilyResult {
  readonly images: readonly ImageReport[];
  readonly layers: readonly LayerReport[];
}

/** What may be different a little later. */
const passing: readonly string[] = ["ERR_UNAVAILABLE", "ERR_ABORTED"] satisfies ErrorCode[];
const ledgerIntervalMs = 1000;

/**
 * Images that fail are reported, and do not keep the others. What is in the store already is found to be.
 * @throws {StorageError} ERR_RESOURCE_EXHAUSTED when the disk is full, or too full for what is left; the signal's reason.
 */
export async function importFamily(
  context: FamilyContext,
  { images }: Pick<Family, "images">,
  { signal, onEvent, onImage, onLayers, retries = 1 }: FamilyOptions,
): Promise<FamilyResult> {
  const beganMs = performance.now();
  const nowMs = (): number => Math.round(performance.now() - beganMs);
  const ledger = new LayerLedger(images, (digest) => context.client.fetchedBytes(digest), nowMs);
  const timer = setInterval(() => onLayers?.(ledger.takeChanged()), ledgerIntervalMs);
  try {
    const survey = context.survey ?? (await StoreSurvey.of(context.storage));
    const present = await survey.present(images);
    const made = await chainsIn(survey, images);
    const reports = new Map<PlannedImage, ImageReport>();
    const end = (image: PlannedImage, status: "imported" | "present" | "failed", more: Partial<ImageEnd>): void => {
      const {
        startedMs = null,
        digest = image.contents[0]?.digest ?? null,
        error = null,
        warnings = [],
        fetchedBytes = 0,
      } = more;
      ledger.ended(image, status !== "failed");
      const elapsedMs = startedMs === null ? null : nowMs() - startedMs;
      const report: ImageReport = {
        ...{ source: keyOf(image), status, digest, names: namesOf(image), layerCount: layersOf(image).length },
        ...{ sizeBytes: sizeOf(image), fetchedBytes, startedMs, elapsedMs, error, worker: null },
      };
      reports.set(image, report);
      onImage?.(report);
      onEvent?.({
        ...{ type: "image", status, source: image.source, platform: image.platform, digest, error, warnings },
        ...{ fetchedBytes, elapsedMs: elapsedMs ?? 0 },
      });
    };
    for (const image of present) end(image, "present", {});
    let wanted = images.filter((image) => !present.has(image));
    for (let round = 0; wanted.length > 0; round++) {
      const again = new Set<PlannedImage>();
      await importAll(context, new Picker(wanted, made), signal, async (image, aborted) => {
        const startedMs = nowMs();
        const firsts = new Set<string>();
        const { source, platform } = image;
        onEvent?.(startedEvent(image));
        const onProgress = (progress: LayerProgress): void => {
          const event: LayerEvent = { type: "layer", ...progress };
          if (progress.phase === "done") firsts.add(progress.layer);
          ledger.update(event, image.kind);
          onEvent?.(event);
        };
        try {
          const { digest, warnings } = await importImage(context, image, { signal: aborted, onProgress });
          const fetchedBytes = ledger.claim(firsts);
          end(image, "imported", { startedMs, digest, warnings, fetchedBytes });
          return true;
        } catch (error) {
          aborted.throwIfAborted();
          if (isDiskFull(error)) throw context.disk.full(error);
          const { code, message } = asStorageError(error, `cannot import ${keyOf({ source, platform })}`);
          if (round < retries && passing.includes(code)) again.add(image);
          else end(image, "failed", { startedMs, error: { code, message } });
          return false;
        }
      });
      wanted = [...again];
    }
    return { images: images.flatMap((image) => reports.get(image) ?? []), layers: ledger.reports };
  } finally {
    clearInterval(timer);
    onLayers?.(ledger.takeChanged());
  }
}

interface ImageEnd {
  readonly startedMs: number;
  readonly digest: string | null;
  readonly error: ImageReport["error"];
  readonly fetchedBytes: number;
  readonly warnings: readonly string[];
}

function startedEvent({ source, platform }: PlannedImage): ImageEvent {
  const none = { digest: null, error: null, fetchedBytes: 0, elapsedMs: 0, warnings: [] };
  return { type: "image", status: "started", source, platform, ...none };
}

async function chainsIn(survey: StoreSurvey, images: readonly PlannedImage[]): Promise<ReadonlySet<string>> {
  const made = new Set<string>();
  for (const chainId of new Set(images.flatMap(layersOf).map((layer) => layer.chainId))) {
    if (await survey.hasLayer(chainId)) made.add(chainId);
  }
  return made;
}

/** As many at once as there are slots for and the graph allows. The first that throws stops the others. */
async function importAll(
  { slots, disk }: FamilyContext,
  picker: Picker,
  signal: AbortSignal,
  importOne: (image: PlannedImage, signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const running = new Set<Promise<void>>();
  const begin = (image: PlannedImage, slot: Disposable): void => {
    const run = (async () => {
      using _slot = slot;
      let isImported = false;
      try {
        using _room = await disk.room(image, either);
        isImported = await importOne(image, either);
      } catch (error) {
        failed.abort(error);
      } finally {
        picker.ended(image, isImported);
      }
    })();
    running.add(run);
    void run.finally(() => running.delete(run));
  };
  try {
    while (!picker.isOver && !either.aborted) {
      const slot = await slots.take(either);
      const image = picker.next();
      if (image !== undefined) {
        begin(image, slot);
        continue;
      }
      slot[Symbol.dispose]();
      // The last may have ended while this waited for a slot.
      if (running.size > 0) await Promise.race(running);
    }
  } catch (error) {
    failed.abort(error);
  }
  await Promise.all(running);
  signal.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason as StorageError;
}
