/** One blob into containerd's content store: strict question and answer, in the words of its Content.Write. */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { hasCode, StorageError } from "../base/errors.ts";
import type { BlobToWrite } from "../differ/differ.ts";
import type { CallOptions, Channel, Duplex } from "../plugin/channel.ts";
import {
  Content,
  WriteAction,
  type WriteContentRequestSchema,
  type WriteContentResponse,
} from "../plugin/gen/containerd/services/content/v1/content_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";

const chunkBytes = 4 * 1024 * 1024;

type Request = MessageInitShape<typeof WriteContentRequestSchema>;
type Stream = Duplex<Request, WriteContentResponse>;

/** Where a blob's bytes begin. */
export interface BlobBytes {
  readonly path: string;
  readonly offsetBytes: number;
}

/**
 * Stores `blob.size` bytes of a file; containerd proves them. Of a blob that is there only the labels are written, and the
 * file is not looked at.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for bytes that are not the digest's; ERR_UNAVAILABLE while somebody
 * else writes under the same ref; the signal's reason.
 */
export async function uploadFile(
  channel: Channel,
  { path, offsetBytes }: BlobBytes,
  blob: BlobToWrite,
  options: CallOptions,
): Promise<void> {
  let file: FileHandle | undefined;
  try {
    await upload(channel, blob, options, async (buffer, at) => {
      file ??= await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      await readFully(file, buffer, offsetBytes + at, path);
    });
  } finally {
    await file?.close();
  }
}

/** As {@link uploadFile}, from memory. */
export async function uploadBytes(
  channel: Channel,
  bytes: Uint8Array,
  blob: BlobToWrite,
  options: CallOptions,
): Promise<void> {
  await upload(channel, blob, options, (buffer, at) => {
    buffer.set(bytes.subarray(at, at + buffer.length));
    return Promise.resolve();
  });
}

/** Fills the buffer with what is at a place of the blob. */
type Read = (buffer: Uint8Array, at: number) => Promise<void>;

async function upload(channel: Channel, blob: BlobToWrite, options: CallOptions, read: Read): Promise<void> {
  try {
    await using stream = channel.duplex(Content.method.write, options);
    await send(stream, blob, read);
  } catch (error) {
    if (!hasCode(error, "ERR_ALREADY_EXISTS")) throw error;
    await relabel(channel, blob, options);
  }
}

async function send(stream: Stream, { ref, digest, size, labels }: BlobToWrite, read: Read): Promise<void> {
  const total = BigInt(size);
  const begun = await ask(stream, { action: WriteAction.STAT, ref, total, expected: digest });
  // Blobs of other namespaces need not be sent again: then all of it is there. A part may be of anything.
  const isThere = begun.offset === total;
  for (let at = 0; at < size && !isThere;) {
    const data = new Uint8Array(Math.min(chunkBytes, size - at));
    await read(data, at);
    const { offset } = await ask(stream, { action: WriteAction.WRITE, ref, offset: BigInt(at), data });
    at += data.length;
    if (offset !== BigInt(at)) {
      throw new StorageError("ERR_DATA_LOSS", `cannot write blob ${digest}: containerd has ${offset} of ${at} bytes`);
    }
  }
  await ask(stream, { action: WriteAction.COMMIT, ref, offset: total, total, expected: digest, labels });
  stream.end();
}

async function ask(stream: Stream, request: Request): Promise<WriteContentResponse> {
  await stream.write(request);
  const answer = await stream.read();
  if (answer !== undefined) return answer;
  throw new StorageError("ERR_UNAVAILABLE", `cannot write blob ${request.ref ?? ""}: containerd ended the call`);
}

async function relabel(channel: Channel, { digest, labels }: BlobToWrite, options: CallOptions): Promise<void> {
  const paths = Object.keys(labels).map((key) => `labels.${key}`);
  if (paths.length === 0) return;
  await channel.unary(Content.method.update, { info: { digest, labels }, updateMask: { paths } }, options);
}

async function readFully(file: FileHandle, buffer: Uint8Array, position: number, path: string): Promise<void> {
  for (let at = 0; at < buffer.length;) {
    const { bytesRead } = await file.read(buffer, at, buffer.length - at, position + at);
    if (bytesRead === 0) throw new StorageError("ERR_DATA_LOSS", `cannot read ${path}: it has become shorter`);
    at += bytesRead;
  }
}
