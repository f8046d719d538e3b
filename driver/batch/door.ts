/**
 * batch/ brings many images into a store as one graph of digests: each layer is fetched, verified and extracted once. It
 * uses a store as any user of the library does. This is its door; what each function needs is loaded when it is called.
 */
import { join } from "node:path";
import type { RegistryOptions } from "../registry/registry-client.ts";
import type { Storage } from "../storage-types.ts";
import type { BatchReport } from "./batch-report.ts";
import type { ImageSet } from "./image-set.ts";
import type { ImportSetOptions } from "./import/import-set.ts";
import type { PlanOptions } from "./plan/plan-set.ts";
import type { PlanSummary } from "./plan/plan-summary.ts";
import type { SetClient } from "./plan/set-client.ts";
import type { ReportFormat } from "./reports/write-report.ts";
import type { ReadSetOptions } from "./sets/read-set.ts";
import type { VerifiedSet, VerifySetOptions } from "./verify/verify-set.ts";

export type { BatchReport, BatchTotals, ImageReport, LayerReport } from "./batch-report.ts";
export type { ImageSet, SetImage, SetRegistry, SetRepository, TagPattern } from "./image-set.ts";
export type { ImageEvent, ImportEvent, LayerEvent } from "./import/events.ts";
export type { ImportSetOptions, PlannedWork } from "./import/import-set.ts";
export type { PlannedRow, PlanSummary, PlanTotals } from "./plan/plan-summary.ts";
export type { SetClient } from "./plan/set-client.ts";
export type { ReportFormat } from "./reports/write-report.ts";
export type { VerifiedImage, VerifiedSet } from "./verify/verify-set.ts";

/** See sets/read-set.ts. */
export async function readImageSet(paths: readonly string[], options: ReadSetOptions = {}): Promise<ImageSet> {
  return (await import("./sets/read-set.ts")).readImageSet(paths, options);
}

/** A client for all registries of a set, which says how some are spoken to; to be disposed of. */
export async function openSetClient(set: ImageSet, options: RegistryOptions = {}): Promise<SetClient> {
  return new (await import("./plan/set-client.ts")).SetClient(set.registries, options);
}

export interface PlanBatchOptions extends Pick<PlanOptions, "client" | "platform" | "signal" | "onProgress"> {
  readonly storage: Storage;
}

/**
 * Resolves every reference of a set and says what importing it would mean; fetches manifests and configs only.
 * @throws {StorageError} the signal's reason; what single images lack is among the answer's failures.
 */
export async function planBatch(set: ImageSet, options: PlanBatchOptions): Promise<PlanSummary> {
  const [{ batchDir, openJournal }, { planSet }, { summarise }] = await Promise.all([
    import("./journal/journal.ts"),
    import("./plan/plan-set.ts"),
    import("./plan/plan-summary.ts"),
  ]);
  const { storage, ...planOptions } = options;
  using journal = openJournal(storage.root);
  const spoolDir = join(batchDir(storage.root), "spool");
  return await summarise(await planSet(set, { ...planOptions, known: journal.manifests, spoolDir }), storage);
}

/** See import/import-set.ts. */
export async function importBatch(set: ImageSet, options: ImportSetOptions): Promise<BatchReport> {
  return (await import("./import/import-set.ts")).importSet(set, options);
}

/** See verify/verify-set.ts. */
export async function verifyBatch(set: ImageSet, options: VerifySetOptions): Promise<VerifiedSet> {
  return (await import("./verify/verify-set.ts")).verifySet(set, options);
}

/** Of the last import into this store, of the set of this name or of any; undefined when there was none. */
export async function lastBatchReport(storage: Pick<Storage, "root">, set?: string): Promise<BatchReport | undefined> {
  const [{ openJournal }, { reportOf }] = await Promise.all([
    import("./journal/journal.ts"),
    import("./import/batch-record.ts"),
  ]);
  using journal = openJournal(storage.root);
  const batch = journal.last(set);
  return batch && reportOf(journal, batch);
}

/** See reports/write-report.ts. */
export async function writeReport(report: BatchReport, format: ReportFormat): Promise<string> {
  return (await import("./reports/write-report.ts")).writeReport(report, format);
}
