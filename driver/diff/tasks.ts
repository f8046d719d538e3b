/** What crosses the border to the thread that makes a layer. */
import type { WireError } from "../base/errors.ts";
import type { DigestEngine } from "../layer/tasks.ts";
import type { Compression } from "../oci/compression.ts";
import type { CoreModule } from "../wasm/core.ts";
import type { BlobFacts } from "./blob-writer.ts";
import type { DiffKind } from "./changes.ts";
import type { Packed } from "./pack-layer.ts";

export interface LayerToCreate {
  /** Names the layer in errors: "layer of container web". */
  readonly what: string;
  readonly kind: DiffKind;
  readonly compression: Compression;
  /** Existing empty file that receives the blob. On failure it holds rubbish that the caller drops. */
  readonly ingestPath: string;
  /** Seconds since 1970: later mtimes become this one (reproducible-builds.org, SOURCE_DATE_EPOCH). */
  readonly sourceDateEpoch?: bigint | null | undefined;
}

export interface PackTask {
  readonly order: LayerToCreate;
  readonly engine: DigestEngine;
  readonly threads: number;
  readonly control: SharedArrayBuffer;
  /** As in layer/tasks.ts: the thread neither compiles nor frees code of its own. */
  readonly core: CoreModule;
}

export type PackReply =
  { readonly ok: true; readonly layer: BlobFacts & Packed } | { readonly ok: false; readonly error: WireError };
