/** Where images are copied from and to, as users write it: in skopeo's transports, as references, and as `load` has it. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import type { LayoutTransport } from "../image/sources/locator.ts";
import { parseReference, type Reference } from "../oci/reference.ts";

export type CopySourcePlace =
  | { readonly kind: "registry"; readonly reference: Reference }
  /** For openSourceFiles. */
  | { readonly kind: "files"; readonly locator: string };

export type CopyTargetPlace =
  | { readonly kind: "registry"; readonly reference: Reference }
  | { readonly kind: LayoutTransport; readonly path: string; readonly name: string | undefined };

const filesPattern = /^(oci|oci-archive|docker-archive):/;
const targetPattern = /^(oci|oci-archive|docker-archive):([^:]+)(?::(.+))?$/s;
const foreignPattern = /^(containers-storage|dir|docker-daemon|ostree|sif|tarball|atomic):/;

/** @throws {StorageError} ERR_INVALID_ARGUMENT; ERR_UNIMPLEMENTED for transports that others have. */
export function sourcePlace(text: string): CopySourcePlace {
  requireOurs(text);
  if (filesPattern.test(text) || text === "-" || /^\.{0,2}\//.test(text) || isFiles(text)) {
    return { kind: "files", locator: text };
  }
  return { kind: "registry", reference: referenceIn(text) };
}

/** @throws {StorageError} as {@link sourcePlace}. */
export function targetPlace(text: string): CopyTargetPlace {
  requireOurs(text);
  const [, kind, path, name] = targetPattern.exec(text) ?? [];
  if (kind !== undefined && path !== undefined && !text.includes("\0")) {
    return { kind: kind as LayoutTransport, path, name };
  }
  if (filesPattern.test(text) || text === "-" || /^\.{0,2}\//.test(text) || text.includes("\0")) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot copy to ${JSON.stringify(text.slice(0, 200))}: want a reference, oci:DIR[:TAG], oci-archive:FILE[:TAG] or ` +
        "docker-archive:FILE[:REF]",
    );
  }
  return { kind: "registry", reference: referenceIn(text) };
}

function referenceIn(text: string): Reference {
  return parseReference(text.startsWith("docker://") ? text.slice("docker://".length) : text);
}

/** A word that could be a reference too is a file where there is one, and a directory where that is a layout. */
function isFiles(text: string): boolean {
  if (text.startsWith("docker://") || text === "" || text.includes("\0")) return false;
  const found = statSync(text, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true) return found !== undefined;
  return statSync(join(text, "oci-layout"), { throwIfNoEntry: false }) !== undefined;
}

function requireOurs(text: string): void {
  const foreign = foreignPattern.exec(text)?.[1];
  if (foreign === undefined) return;
  throw new StorageError(
    "ERR_UNIMPLEMENTED",
    `cannot copy ${JSON.stringify(text.slice(0, 200))}: there is no ${foreign}: here`,
  );
}
