/** How a test looks into a snapshot: through real mounts, or without privileges through the directory a bind names. */
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mount } from "../../driver/mount/mount.ts";
import { performMount, unmount } from "../../driver/mount/perform.ts";

/** Runs `look` on a directory that shows what `mounts` describe, and takes it away again. */
export type Access = <T>(mounts: readonly Mount[], look: (root: string) => T) => T;

export const mountedAccess: Access = (mounts, look) => {
  const target = mkdtempSync(join(tmpdir(), "mounted-"));
  performMount(mounts, target);
  try {
    return look(target);
  } finally {
    unmount(target);
    rmdirSync(target);
  }
};

/** For binds only; does not enforce "ro". */
export const directAccess: Access = (mounts, look) => {
  const [bind] = mounts;
  if (mounts.length !== 1 || bind?.type !== "bind") throw new TypeError("only a bind can be looked at directly");
  return look(bind.source);
};
