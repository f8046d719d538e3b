/** Where an image is, as sets write it: a reference, or the locator of a file or folder. */
import { isAbsolute, join } from "node:path";
import { StorageError } from "../../base/errors.ts";
import { parseReference } from "../../oci/reference.ts";

const archives = /^(oci|oci-archive|docker-archive):(.*)$/s;
/** What other tools read and `load` does not. */
const foreign = /^(dir|containers-storage|docker-daemon|containerd|ocidir|sif|ostree|tarball):/;

/**
 * The reference, or the locator with its path from `folder` on. "docker://" may stand before a reference. A path without
 * a word before it starts with "/", "./" or "../".
 * @throws {StorageError} ERR_INVALID_ARGUMENT
 */
export function sourceOf(text: string, digest: string | undefined, folder: string): string {
  const shown = text.slice(0, 200).replace(/\/\/[^@/]*@/, "//…@");
  const fail = (reason: string): StorageError =>
    new StorageError("ERR_INVALID_ARGUMENT", `cannot use image ${JSON.stringify(shown)}: ${reason}`);
  if (/[\0-\x1f\x7f]/.test(text)) throw fail("it has control characters");
  const transport = foreign.exec(text)?.[1];
  if (transport !== undefined) {
    throw fail(
      `${transport}: is not read here; use a reference, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE`,
    );
  }
  if (/^(?!docker:)[a-z+]+:\/\//i.test(text)) throw fail("it is no URL: write host/name:tag");
  const [, kind, path = ""] = archives.exec(text) ?? [];
  const isPath = /^\.{0,2}\//.test(text);
  if (kind !== undefined || isPath) {
    if (digest !== undefined) throw fail("a digest pins images of registries only");
    // What join makes of "./a" would be a reference.
    if (isPath) return below(folder, text).replace(/^(?!\.{0,2}\/)/, "./");
    if (path === "") throw fail(`after ${kind}: comes a path`);
    return `${kind}:${below(folder, path)}`;
  }
  const named = text.startsWith("docker://") ? text.slice("docker://".length) : text;
  const reference = parseReference(named);
  if (digest === undefined) return named;
  if (reference.digest === undefined) {
    const pinned = `${named}@${digest}`;
    parseReference(pinned);
    return pinned;
  }
  if (reference.digest !== digest) throw fail(`its digest is not ${digest}`);
  return named;
}

function below(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
