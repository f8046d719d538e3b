/** What the prune commands do and say. */
import type { RemovedImage, Storage } from "../index.ts";
import { codeOf } from "./errors.ts";
import { familiarName, humanSize } from "./format.ts";
import type { Prunable } from "./prune-filter.ts";

export interface RemovedContainers {
  /** Ids. */
  readonly deleted: readonly string[];
  readonly reclaimedBytes: number;
}

/** Removes the containers that do not run. One that is started meanwhile stays. */
export async function pruneContainers(
  { containers, snapshots }: Storage,
  isWanted: ((container: Prunable) => boolean) | undefined,
  signal: AbortSignal,
): Promise<RemovedContainers> {
  const deleted: string[] = [];
  let reclaimedBytes = 0;
  for (const { id, status, created, host } of await containers.list()) {
    signal.throwIfAborted();
    if (status === "running" || isWanted?.({ created, labels: host.labels }) === false) continue;
    try {
      const { sizeBytes } = await snapshots.usage(id);
      await containers.remove(id);
      reclaimedBytes += sizeBytes;
      deleted.push(id);
    } catch (error) {
      const code = codeOf(error);
      if (code !== "ERR_FAILED_PRECONDITION" && code !== "ERR_NOT_FOUND") throw error;
    }
  }
  return { deleted, reclaimedBytes };
}

export function containerLines({ deleted }: RemovedContainers): readonly string[] {
  return deleted.length === 0 ? [] : ["Deleted Containers:", ...deleted, ""];
}

export function imageLines({ untagged, deleted }: RemovedImage): readonly string[] {
  const lines = [
    ...untagged.map((name) => `untagged: ${familiarName(name)}`),
    ...deleted.map((digest) => `deleted: ${digest}`),
  ];
  return lines.length === 0 ? [] : ["Deleted Images:", ...lines, ""];
}

export function reclaimedLine(bytes: number): string {
  return `Total reclaimed space: ${humanSize(bytes)}`;
}
