/** containerd's content store: read from its directory where that can be, and through its socket otherwise. */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { encodedOf } from "../base/digest.ts";
import { asStorageError, hasCode, isErrno, StorageError } from "../base/errors.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { BlobCall, BlobFile, BlobToWrite, ForeignBlobs } from "../differ/differ.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { CallOptions, Channel } from "../plugin/channel.ts";
import { Content } from "../plugin/gen/containerd/services/content/v1/content_pb.ts";
import { Introspection } from "../plugin/gen/containerd/services/introspection/v1/introspection_pb.ts";
import { Namespaces } from "../plugin/gen/containerd/services/namespaces/v1/namespace_pb.ts";
import { createLease } from "./lease.ts";
import { uploadFile } from "./upload.ts";

export interface ContainerdBlobsOptions {
  /** containerd's own socket. */
  readonly channel: Channel;
  /** Where blobs are spooled that only come through the socket. */
  readonly spool: Pick<ContentStore, "startIngest">;
}

const afterwardsMs = 60 * 60 * 1000;

export function callOptions({ namespace, lease, signal }: BlobCall): CallOptions {
  return {
    signal,
    headers: {
      ...(namespace !== undefined && { "containerd-namespace": namespace }),
      ...(lease !== undefined && { "containerd-lease": lease }),
    },
  };
}

export class ContainerdBlobs implements ForeignBlobs {
  readonly #channel: Channel;
  readonly #spool: Pick<ContentStore, "startIngest">;
  /** Null: it says none. */
  #directory: Promise<string | null> | undefined;

  constructor({ channel, spool }: ContainerdBlobsOptions) {
    this.#channel = channel;
    this.#spool = spool;
  }

  async open(descriptor: Descriptor, call: BlobCall): Promise<BlobFile> {
    const directory = await this.#blobDirectory(call.signal);
    const direct = directory === null ? undefined : await openIn(directory, descriptor);
    return direct ?? (await this.#download(descriptor, call));
  }

  /** Without a lease of the caller's, one of its own keeps the blob for as long as a caller may take to refer to it. */
  async write(path: string, blob: BlobToWrite, call: BlobCall): Promise<void> {
    const options = callOptions(call);
    const lease = call.lease ?? (await createLease(this.#channel, afterwardsMs, options));
    await uploadFile(this.#channel, { path, offsetBytes: 0 }, blob, callOptions({ ...call, lease }));
  }

  /** For a call that names none: blobs are found by their digest alone. */
  async #namespaceWith({ digest }: Descriptor, call: BlobCall): Promise<string> {
    const { namespaces } = await this.#channel.unary(Namespaces.method.list, {}, { signal: call.signal });
    for (const { name } of namespaces) {
      try {
        await this.#channel.unary(Content.method.info, { digest }, callOptions({ ...call, namespace: name }));
        return name;
      } catch (error) {
        if (!hasCode(error, "ERR_NOT_FOUND")) throw error;
      }
    }
    throw new StorageError("ERR_NOT_FOUND", "no namespace has it");
  }

  /** As the content plugin exports it, asked for once; another plugin's in its place exports none. */
  async #blobDirectory(signal: AbortSignal | undefined): Promise<string | null> {
    const asking = (this.#directory ??= this.#askDirectory(signal));
    try {
      return await asking;
    } catch (error) {
      this.#directory = undefined;
      throw error;
    }
  }

  async #askDirectory(signal: AbortSignal | undefined): Promise<string | null> {
    const filters = ["type==io.containerd.content.v1"];
    const { plugins } = await this.#channel.unary(Introspection.method.plugins, { filters }, { signal });
    const working = plugins.filter(({ initErr }) => initErr === undefined);
    const root = working.length === 1 ? working[0]?.exports["root"] : undefined;
    return root === undefined ? null : join(root, "blobs", "sha256");
  }

  async #download(descriptor: Descriptor, call: BlobCall): Promise<BlobFile> {
    const what = `layer ${descriptor.digest}`;
    const ingest = await this.#spool.startIngest(`spool ${randomUUID()}`);
    try {
      await using file = await open(ingest.path, constants.O_WRONLY | constants.O_NOFOLLOW);
      let sizeBytes = 0;
      const request = { digest: descriptor.digest };
      const options = callOptions({
        ...call,
        namespace: call.namespace ?? (await this.#namespaceWith(descriptor, call)),
      });
      for await (const { data } of this.#channel.serverStream(Content.method.read, request, options)) {
        sizeBytes += data.length;
        if (sizeBytes > descriptor.size) throw tooLong(what, descriptor.size);
        await file.writeFile(data);
      }
      return {
        path: ingest.path,
        offsetBytes: 0,
        sizeBytes,
        [Symbol.asyncDispose]: () => ingest[Symbol.asyncDispose](),
      };
    } catch (error) {
      await ingest[Symbol.asyncDispose]();
      throw inReading(what, error);
    }
  }
}

/** Undefined where it cannot be read here; containerd's socket will say why, or give it all the same. */
async function openIn(directory: string, { digest }: Descriptor): Promise<BlobFile | undefined> {
  const path = join(directory, encodedOf(digest));
  try {
    await access(path, constants.R_OK);
    const found = await lstat(path);
    if (!found.isFile()) {
      throw new StorageError("ERR_DATA_LOSS", `cannot read layer ${digest}: ${path} is not a file`);
    }
    return { path, offsetBytes: 0, sizeBytes: found.size, [Symbol.asyncDispose]: () => Promise.resolve() };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) return undefined;
    throw asStorageError(error, `cannot read layer ${digest}`);
  }
}

function tooLong(what: string, size: number): StorageError {
  return new StorageError("ERR_DATA_LOSS", `cannot trust ${what}: it has more than ${size} bytes`);
}

function inReading(what: string, error: unknown): StorageError {
  const known = asStorageError(error);
  if (known.message.includes(what)) return known;
  const message = `cannot read ${what} from containerd: ${known.message}`;
  return new StorageError(known.code, message, { details: known.details, cause: error });
}
