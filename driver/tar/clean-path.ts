import type { RelPath } from "../base/path-bytes.ts";
import { StorageError } from "../base/errors.ts";
import { badEntry } from "./tar-errors.ts";
import { shownPath } from "../base/path-bytes.ts";

const maxComponentBytes = 255;
const maxPathBytes = 4096;

/**
 * `raw` (latin1) without leading, doubled and trailing slashes and without ".": a path below the root, or the root
 * itself. ".." takes back the component before it, as path cleaning does everywhere; it may not lead out of the root, not
 * even from an absolute name.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for an empty name, one that leads out or one that no file system holds;
 * ERR_RESOURCE_EXHAUSTED for more than `maxDepth` components.
 */
export function cleanPath(raw: string, maxDepth: number): RelPath {
  if (raw === "") throw badEntry(raw, "the name is empty");
  const kept: string[] = [];
  for (const part of raw.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.pop() === undefined) throw badEntry(raw, "the name leads out of the root");
  }
  if (kept.some((part) => part.length > maxComponentBytes)) {
    throw badEntry(raw, `a component is longer than ${maxComponentBytes} bytes`);
  }
  const path = kept.join("/");
  if (path.length > maxPathBytes) throw badEntry(raw, `the name is longer than ${maxPathBytes} bytes`);
  if (path.includes("\0")) throw badEntry(raw, "the name holds a NUL");
  if (kept.length <= maxDepth) return path as RelPath;
  throw new StorageError(
    "ERR_RESOURCE_EXHAUSTED",
    `cannot read tar entry ${shownPath(raw)}: over maxDepth (${maxDepth})`,
    {
      details: { limit: "maxDepth", most: maxDepth },
    },
  );
}
