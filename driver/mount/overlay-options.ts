/**
 * The text of overlay's options. In it a backslash takes the meaning from the character behind it: without that a
 * comma ends an option and a colon ends a lower directory (kernel Documentation/filesystems/overlayfs.rst).
 */
import { StorageError } from "../base/errors.ts";

export interface OverlayOptions {
  /** Topmost first; at least one. */
  readonly lowerDirs: readonly string[];
  /** Both or neither: without them the mount is read-only. */
  readonly upperDir?: string | undefined;
  readonly workDir?: string | undefined;
  /** Such as "index=off"; not escaped. */
  readonly others: readonly string[];
}

/** OVL_MAX_STACK of the kernel. */
export const maxLowerDirs = 500;

export function formatOverlayOptions({ lowerDirs, upperDir, workDir, others }: OverlayOptions): readonly string[] {
  const upper =
    upperDir === undefined || workDir === undefined
      ? []
      : [`workdir=${escapePath(workDir)}`, `upperdir=${escapePath(upperDir)}`];
  return [...upper, `lowerdir=${lowerDirs.map(escapePath).join(":")}`, ...others];
}

/**
 * Undoes {@link formatOverlayOptions}.
 * @throws {StorageError} ERR_INVALID_ARGUMENT without a lowerdir, with more than {@link maxLowerDirs} of them, with a
 * data-only one ("::"), or with only one of upperdir and workdir.
 */
export function parseOverlayOptions(options: readonly string[]): OverlayOptions {
  const found = new Map<string, string>();
  const others: string[] = [];
  for (const option of options) {
    const key = /^(lowerdir|upperdir|workdir)=/.exec(option)?.[1];
    if (key === undefined) others.push(option);
    else found.set(key, option.slice(key.length + 1));
  }
  const lowerText = found.get("lowerdir");
  const upperDir = found.get("upperdir");
  const workDir = found.get("workdir");
  if (lowerText === undefined) throw invalid("no lowerdir");
  if ((upperDir === undefined) !== (workDir === undefined)) throw invalid("upperdir and workdir go together");
  const lowerDirs = splitUnescaped(lowerText, ":").map(unescapePath);
  if (lowerDirs.includes("")) throw invalid("a lowerdir is empty");
  if (lowerDirs.length > maxLowerDirs) throw invalid(`${lowerDirs.length} lower directories, at most ${maxLowerDirs}`);
  return {
    lowerDirs,
    upperDir: upperDir === undefined ? undefined : unescapePath(upperDir),
    workDir: workDir === undefined ? undefined : unescapePath(workDir),
    others,
  };
}

function invalid(reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot mount overlay: ${reason}`);
}

function escapePath(path: string): string {
  return path.replace(/[\\,:]/g, "\\$&");
}

function unescapePath(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}

function splitUnescaped(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}
