/** The form in which overlay keeps deletions: char devices 0:0 for what is gone, an attribute for opaque directories. */
import { asStorageError } from "../base/errors.ts";
import { baseOf, parentOf, shownPath, type RelPath } from "../base/path-bytes.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFCHR } from "../sys/constants.ts";
import { AT_FDCWD, closeFd, fsetxattr, mknodat, openat } from "../sys/linux.ts";
import type { Privileges } from "../sys/privileges.ts";
import { syscallPath } from "./beneath.ts";
import { editDirectory, openDirectory } from "./edit-directory.ts";

/**
 * Writes a settled layer's deletions into its tree. The directories named in `opaques` and the parents of `whiteouts`
 * exist, nothing is where a whiteout goes; modes and times of parents stay. The kernel takes char devices 0:0 from
 * anybody (Linux 5.8), the attribute goes by `privileges`.
 * @throws {StorageError} by errno.
 */
export function writeOverlayMarks(
  fsDir: string,
  whiteouts: readonly RelPath[],
  opaques: readonly RelPath[],
  privileges: Privileges,
): void {
  const rootFd = openat(AT_FDCWD, fsDir, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    for (const [parent, names] of groupByParent(whiteouts)) {
      attempt("mark as deleted in", parent, () => {
        editDirectory(rootFd, parent, (fd) => {
          for (const name of names) mknodat(fd, syscallPath(name), S_IFCHR, 0, 0);
        });
      });
    }
    for (const path of opaques) {
      attempt("mark as opaque", path, () => {
        const fd = openDirectory(rootFd, path);
        try {
          fsetxattr(fd, `${privileges.overlayXattr}opaque`, Buffer.from("y"));
        } finally {
          closeFd(fd);
        }
      });
    }
  } finally {
    closeFd(rootFd);
  }
}

function groupByParent(paths: readonly RelPath[]): Map<RelPath, string[]> {
  const names = new Map<RelPath, string[]>();
  for (const path of paths) {
    const parent = parentOf(path);
    const siblings = names.get(parent);
    if (siblings === undefined) {
      names.set(parent, [baseOf(path)]);
    } else {
      siblings.push(baseOf(path));
    }
  }
  return names;
}

function attempt(verb: string, path: RelPath, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw asStorageError(error, `cannot ${verb} ${shownPath(path)}`);
  }
}
