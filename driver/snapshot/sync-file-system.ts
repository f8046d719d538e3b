/** One syncfs(2) for the file system that a path is on. */
import { stage } from "../base/stages.ts";
import { AT_FDCWD, O_DIRECTORY } from "../sys/constants.ts";
import { closeFd, openat, syncfs } from "../sys/linux.ts";
import type { SnapshotStoreParts } from "./store-parts.ts";

/** Returns when everything written to the file system of the directory `path` before the call is on its disk. */
export function syncFileSystem(path: string): void {
  const fd = openat(AT_FDCWD, path, O_DIRECTORY);
  try {
    syncfs(fd);
  } finally {
    closeFd(fd);
  }
}

/** Makes what is below `path` survive a power cut; without effect with durability "none". */
export async function syncTrees({ durability, syncing }: SnapshotStoreParts, path: string): Promise<void> {
  if (durability === "none") return;
  await stage("snapshot.sync", () => {
    if (syncing !== undefined) return syncing.sync(path);
    syncFileSystem(path);
    return undefined;
  });
}
