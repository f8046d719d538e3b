/** Where `cp` puts things: the rules of Docker's documentation for it, without looking at any file. */
import { StorageError } from "../base/errors.ts";

export interface CopySource {
  /** As it was written. */
  readonly shown: string;
  readonly isDirectory: boolean;
  /** It was written with "/." at its end: what is in it is meant, not the directory. */
  readonly isContent: boolean;
  /** Its own name; "" for a root. */
  readonly name: string;
}

export interface CopyTarget {
  readonly shown: string;
  readonly kind: "directory" | "other" | "missing";
  /** It was written with "/" or "/." at its end: it is to be a directory. */
  readonly isMeantDirectory: boolean;
  /** Its own name, for what is no directory. */
  readonly name: string;
}

export interface Placement {
  /** In the target, or beside it: in its place. */
  readonly where: "inside" | "beside";
  /** What the source is called there; "" for what is in it. */
  readonly name: string;
}

/** @throws {StorageError} ERR_NOT_FOUND, ERR_FAILED_PRECONDITION: what may not be copied there. */
export function placementOf(source: CopySource, target: CopyTarget): Placement {
  const refuse = (code: "ERR_NOT_FOUND" | "ERR_FAILED_PRECONDITION", reason: string): StorageError =>
    new StorageError(code, `cannot copy ${source.shown} to ${target.shown}: ${reason}`);
  switch (target.kind) {
    case "directory":
      return { where: "inside", name: source.isDirectory && source.isContent ? "" : source.name };
    case "other":
      if (source.isDirectory) throw refuse("ERR_FAILED_PRECONDITION", "a directory cannot take the place of a file");
      if (target.isMeantDirectory) throw refuse("ERR_FAILED_PRECONDITION", "the target is not a directory");
      return { where: "beside", name: target.name };
    case "missing":
      if (!source.isDirectory && target.isMeantDirectory) {
        throw refuse("ERR_NOT_FOUND", "the target directory does not exist");
      }
      return { where: "beside", name: target.name };
  }
}

/** `/etc/.`, `.`: what is in the directory. */
export function isContentPath(path: string): boolean {
  return /(?:^|\/)\.$/.test(path);
}

/** `/etc/`, `/etc/.`: only a directory will do. */
export function isDirectoryPath(path: string): boolean {
  return path.endsWith("/") || isContentPath(path);
}
