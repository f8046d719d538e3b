/** Manifests and indexes over the wire (distribution-spec, Pulling manifests). */
import { hash } from "node:crypto";
import { type Digest, isDigest, requireDigest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { maxJsonBytes, parseJsonObject } from "../oci/json.ts";
import { isIndexType, isManifestType, mediaTypes } from "../oci/media-type.ts";
import { type Answer, dropBody } from "./exchange.ts";
import { readAtMost } from "./failures.ts";
import { contentLengthOf, type HostRequest, type RegistryHost } from "./registry-host.ts";

/** A tag or a digest. */
export type ManifestName = string;

export interface ManifestRequest {
  readonly context: string;
  readonly repository: string;
  readonly name: ManifestName;
  readonly scope: string;
  readonly signal?: AbortSignal | undefined;
}

export interface FetchedManifest {
  /** Digest and size are those of the bytes; the media type is what the document says, else the registry. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

const accepted = [mediaTypes.ociIndex, mediaTypes.ociManifest, mediaTypes.dockerIndex, mediaTypes.dockerManifest].join(
  ", ",
);
const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;

/** @throws {StorageError} ERR_DATA_LOSS unless the bytes have the digest that was asked for, or that is announced. */
export async function fetchManifest(host: RegistryHost, request: ManifestRequest): Promise<FetchedManifest> {
  const { context, name } = request;
  const answer = await host.send(hostRequest(host, "GET", request));
  const length = contentLengthOf(answer);
  if (length !== undefined && length > maxJsonBytes) {
    dropBody(answer);
    throw new StorageError(
      "ERR_RESOURCE_EXHAUSTED",
      `${context}: its manifest has ${length} bytes, more than ${maxJsonBytes}`,
    );
  }
  const bytes = await readAtMost(answer, maxJsonBytes);
  const digest = `sha256:${hash("sha256", bytes)}` as Digest;
  const what = `manifest ${name} from ${answer.url.host}`;
  if (isDigest(name)) requireDigest(what, name, digest);
  const announced = announcedDigest(answer);
  if (announced !== undefined) requireDigest(what, announced, digest);
  const mediaType = typeOf(context, bytes, answer);
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** @throws {StorageError} ERR_DATA_LOSS when the answer lacks a digest or a size, or has another than was asked for. */
export async function headManifest(host: RegistryHost, request: ManifestRequest): Promise<Descriptor> {
  const { context, name } = request;
  const answer = await host.send(hostRequest(host, "HEAD", request));
  await answer.body.dump({ limit: maxJsonBytes });
  const digest = announcedDigest(answer);
  const size = contentLengthOf(answer);
  const mediaType = contentTypeOf(answer);
  // Some registries do not say: then the document does.
  if (digest === undefined || size === undefined || !isKnown(mediaType)) {
    return (await fetchManifest(host, request)).descriptor;
  }
  if (isDigest(name)) requireDigest(`${context}: manifest ${name}`, name, digest);
  return { mediaType, digest, size };
}

function hostRequest(host: RegistryHost, method: "GET" | "HEAD", request: ManifestRequest): HostRequest {
  const { context, repository, name, scope, signal } = request;
  return {
    context,
    method,
    path: `/${host.endpoint.repositoryOf(repository)}/manifests/${name}`,
    repository,
    scope,
    headers: { accept: accepted },
    accept: [200],
    signal,
  };
}

function announcedDigest({ headers }: Answer): Digest | undefined {
  const value = headers["docker-content-digest"];
  return typeof value === "string" && isDigest(value) ? value : undefined;
}

function contentTypeOf({ headers }: Answer): string {
  return (headers["content-type"] ?? "").replace(/;.*$/s, "").trim().toLowerCase();
}

function isKnown(mediaType: string): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

function typeOf(context: string, bytes: Uint8Array, answer: Answer): string {
  const fields = parseJsonObject(bytes, `manifest from ${answer.url.host}`);
  const said = contentTypeOf(answer);
  const written = fields.optionalString("mediaType", 255) ?? said;
  if (isKnown(written)) return written;
  if (schema1.test(said) || fields.has("fsLayers")) {
    throw new StorageError(
      "ERR_UNIMPLEMENTED",
      `${context}: its manifest is of Docker's schema 1, which nobody reads now`,
    );
  }
  if (written === "" || /^(?:application\/(?:json|octet-stream)|text\/plain)$/.test(written)) {
    return fields.has("manifests") ? mediaTypes.ociIndex : mediaTypes.ociManifest;
  }
  throw new StorageError("ERR_UNIMPLEMENTED", `${context}: its manifest is ${JSON.stringify(written.slice(0, 100))}`);
}
