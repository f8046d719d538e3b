/**
 * The one pass: what is read is parsed and laid down as it comes. On one thread nothing runs ahead of anything else, so
 * memory is one chunk and one window whatever the layer's size; on two it is a ring more.
 */
import { join } from "node:path";
import { asStorageError } from "../base/errors.ts";
import { LayerExtractor } from "../extract/layer-extractor.ts";
import type { LayerNotes, Usage } from "../extract/staged-layer.ts";
import { detectPrivileges } from "../sys/privileges.ts";
import type { TarHandler } from "../tar/entry.ts";
import { TarReader } from "../tar/tar-reader.ts";
import type { Core } from "../wasm/core.ts";
import { Control } from "./control.ts";
import { naming, readLayer } from "./read-layer.ts";
import { TarRing } from "./tar-ring.ts";
import type { AppliedLayer, ApplyTask, ReadLayer } from "./tasks.ts";

interface Extraction extends TarHandler {
  finish(): { notes: LayerNotes; usage: Usage; warnings: readonly string[] };
  close(): void;
}

/**
 * Applies one layer into `task.stagingDir` and proves it; with a ring, another thread reads and proves it.
 * @throws {StorageError} as {@link readLayer}; ERR_RESOURCE_EXHAUSTED for a limit or a full disk; ERR_INVALID_ARGUMENT for
 * a tar that means nothing safe. The caller drops the staging.
 */
export async function applyLayer(task: ApplyTask, core: Core): Promise<AppliedLayer> {
  const extraction = task.stagingDir === null ? parseOnly : openExtraction(task, task.stagingDir);
  try {
    const tar = new TarReader(extraction, { limits: task.limits, core });
    const read =
      task.ring === null ? await readLayer(task, core, tar) : takeFromRing(task, new TarRing(task.ring), tar);
    return { ...read, ...extraction.finish() };
  } catch (error) {
    throw naming(task.what, error);
  } finally {
    extraction.close();
  }
}

function takeFromRing(task: ApplyTask, ring: TarRing, tar: TarReader): ReadLayer {
  const control = new Control(task.control);
  const check = (): void => {
    control.throwIfCanceled(task.what);
  };
  try {
    for (let bytes = ring.read(check); bytes !== undefined; bytes = ring.read(check)) {
      check();
      tar.push(bytes);
    }
    tar.end();
    return ring.proof as ReadLayer;
  } catch (error) {
    ring.stop(asStorageError(error).code);
    throw error;
  }
}

function openExtraction(task: ApplyTask, stagingDir: string): Extraction {
  return new LayerExtractor(join(stagingDir, "fs"), {
    privileges: detectPrivileges(),
    redirects: task.redirects,
  });
}

/** Takes the place of an extraction when a layer is only verified. */
const parseOnly: Extraction = {
  entry: () => undefined,
  data: () => undefined,
  endOfEntry: () => undefined,
  finish: () => ({
    notes: { whiteouts: [], opaques: [], replaced: [], implied: [], lowerLinks: [] },
    usage: { inodes: 0, sizeBytes: 0 },
    warnings: [],
  }),
  close: () => undefined,
};
