/** What answers to uploads say. */
import { type Digest, isDigest, requireDigest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import { type Answer, redirectTarget } from "./exchange.ts";

/** Of bodies that nobody reads. */
export const maxDropped: number = 64 * 1024;

/** @throws {StorageError} ERR_DATA_LOSS when the registry calls what it received by another digest. */
export function requireAnnounced(what: string, { headers }: Answer, expected: Digest): void {
  const said = headers["docker-content-digest"];
  if (typeof said === "string" && isDigest(said)) requireDigest(what, expected, said);
}

/** Where an upload goes on, by the rules for redirects. */
export function locationOf(context: string, answer: Answer): URL {
  const { location } = answer.headers;
  if (typeof location === "string") return redirectTarget(answer.url, location);
  throw new StorageError("ERR_UNAVAILABLE", `${context}: ${answer.url.host} does not say where to upload to`);
}
