import type { Descriptor } from "../oci/descriptor.ts";
import type { CopiedDocument, CopyPlan } from "./plan.ts";

/**
 * Where an image is copied to. Disposing of one that has not finished takes back what was written: nothing has the name,
 * and no file of it is left.
 */
export interface CopyTarget extends AsyncDisposable {
  /** For the whole name, in messages and results. */
  readonly what: string;
  /** How its work is called. */
  readonly phase: "pushing" | "fetching";
  /** Blobs that it takes at once. */
  readonly atOnce: number;
  has(blob: Descriptor, signal: AbortSignal): Promise<boolean>;
  /** @param open its bytes, proven while they are read; called again where a transfer breaks. */
  put(blob: Descriptor, open: () => AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<"sent" | "mounted">;
  /** One that the root lists; all that it names is there by then. */
  putDocument(document: CopiedDocument, signal: AbortSignal): Promise<void>;
  /** The root, and with it the name. */
  finish(plan: CopyPlan, signal: AbortSignal): Promise<void>;
}
