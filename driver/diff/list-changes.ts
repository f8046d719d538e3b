/** What a container has changed, for people. */
import { rootPath } from "../base/path-bytes.ts";
import { detectPrivileges } from "../sys/privileges.ts";
import type { Change, DiffKind } from "./changes.ts";
import { walkChanges } from "./walk-changes.ts";

/**
 * All changes but the root's own, sorted by the bytes of their paths. A directory is changed when anything in it is, as
 * for Docker. What a layer cannot say, such as sockets, is left out.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for an upper directory whose meaning is elsewhere (overlay's redirect
 * and metacopy); others by errno.
 */
export function listChanges(kind: DiffKind): Change[] {
  const changes: Change[] = [];
  for (const { change, path } of walkChanges(kind, detectPrivileges())) {
    if (path !== rootPath) changes.push({ kind: change, path });
  }
  return changes.sort((one, other) => (one.path < other.path ? -1 : 1));
}
