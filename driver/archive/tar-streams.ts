/** Trees as tars on their way: into a stream, out of one, and from tree to tree. */
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as turn } from "node:timers/promises";
import { StorageError } from "../base/errors.ts";
import type { RelPath } from "../base/path-bytes.ts";
import { compressionOf, createDecompressor, type Decompressor } from "../layer/decompress.ts";
import { compressionMagicBytes } from "../oci/compression.ts";
import type { Owner, Privileges } from "../sys/privileges.ts";
import { defaultTarLimits } from "../tar/entry.ts";
import { TarReader } from "../tar/tar-reader.ts";
import { createCore } from "../wasm/core.ts";
import type { Placement } from "./copy-rules.ts";
import { packTree } from "./pack-tree.ts";
import { keyOf, type Present, type RootedTree } from "./rooted-tree.ts";
import { TreeUnpacker, type UnpackOptions } from "./unpack-tree.ts";

export interface Packing {
  readonly name: RelPath;
  readonly privileges: Privileges;
  readonly standIn: Owner | null;
}

export async function pack(
  source: Present,
  tree: RootedTree,
  { name, privileges, standIn }: Packing,
  take: (chunks: Iterable<Uint8Array>) => Promise<void>,
): Promise<string[]> {
  const warnings: string[] = [];
  const onWarning = (text: string): void => {
    warnings.push(text);
  };
  await take(packTree(source, { name, tree, lends: !privileges.canChown, standIn, onWarning }));
  return warnings;
}

export async function write(
  chunks: Iterable<Uint8Array>,
  target: Writable,
  signal: AbortSignal | undefined,
): Promise<void> {
  await pipeline(Readable.from(chunks, { objectMode: false }), target, { ...(signal && { signal }) });
}

export async function copy(
  source: Present,
  tree: RootedTree,
  { name }: Placement,
  options: UnpackOptions,
  privileges: Privileges,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  using unpacker = new TreeUnpacker(options);
  const reader = new TarReader(unpacker, { limits: { ...defaultTarLimits, maxBytes: Number.MAX_SAFE_INTEGER } });
  const packing: Packing = { name: keyOf(name), privileges, standIn: null };
  const warnings = await pack(source, tree, packing, async (chunks) => {
    for (const chunk of chunks) {
      reader.push(chunk);
      await turn();
      signal?.throwIfAborted();
    }
  });
  reader.end();
  unpacker.finish();
  return [...warnings, ...unpacker.warnings];
}

export async function unpackStream(
  input: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const what = "the stream";
  const core = createCore();
  using unpacker = new TreeUnpacker(options);
  const reader = new TarReader(unpacker, { core });
  let decompressor: Decompressor | undefined;
  try {
    for await (const chunk of withWholeMagic(input)) {
      signal?.throwIfAborted();
      decompressor ??= createDecompressor(compressionOf(chunk, what), core, what, (bytes) => {
        reader.push(bytes);
      });
      await decompressor.push(chunk);
    }
    if (decompressor === undefined) throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: it is empty`);
    await decompressor.end();
  } finally {
    decompressor?.close();
  }
  reader.end();
  unpacker.finish();
  return unpacker.warnings;
}

/** The first piece is long enough to tell by it what the stream is compressed with, if the stream is. */
async function* withWholeMagic(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array = new Uint8Array();
  for await (const chunk of input) {
    if (start.length >= compressionMagicBytes) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length >= compressionMagicBytes) yield start;
  }
  if (start.length > 0 && start.length < compressionMagicBytes) yield start;
}
