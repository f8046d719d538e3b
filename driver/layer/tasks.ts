/** What crosses the border between the pool and its threads: plain data in one shape each way. */
import type { Digest, DiffId } from "../base/digest.ts";
import type { WireError } from "../base/errors.ts";
import type { LayerNotes, LowerLayer, Redirect, Usage } from "../extract/staged-layer.ts";
import type { Privileges } from "../sys/privileges.ts";
import type { CoreModule } from "../wasm/core.ts";
import { defaultTarLimits, type TarLimits } from "../tar/entry.ts";

export type DigestEngine = "wasm" | "native";

export interface LayerLimits extends TarLimits {
  /** Uncompressed bytes per compressed byte, looked at once more than a GiB came out. */
  readonly maxRatio: number;
}

/** Deflate itself cannot exceed 1032; only zstd can, and only a bomb or a mostly empty disk image does. */
export const defaultLayerLimits: LayerLimits = { ...defaultTarLimits, maxRatio: 2000 };

/** Where the stored bytes of a layer lie: a whole file, or a member of an archive. */
export interface LayerFile {
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** Of an {@link import("./arrival.ts").Arrival} when the file is still being written; only for a whole file. */
  readonly arrival?: SharedArrayBuffer;
}

/** Reading and proving a layer. */
export interface ReadTask {
  /** Names the layer in errors: "layer sha256:… of docker.io/library/debian:12". */
  readonly what: string;
  readonly file: LayerFile;
  /** Null when the source does not name the stored bytes: then the diffID alone proves them. */
  readonly expectedDigest: Digest | null;
  /** Null when only the stored bytes are named, or nothing is: then what is read defines it. */
  readonly expectedDiffId: DiffId | null;
  /** Existing empty file that receives the stored bytes; null when they are stored already. */
  readonly ingestPath: string | null;
  readonly limits: LayerLimits;
  readonly engine: DigestEngine;
  readonly control: SharedArrayBuffer;
  /** Compiled by the pool's owner: threads share its machine code, and none compiles or frees code of its own. */
  readonly core: CoreModule;
  /** Of a {@link import("./tar-ring.ts").TarRing} to the thread that lays the layer down; null where one does both. */
  readonly ring: SharedArrayBuffer | null;
}

export interface ApplyTask extends ReadTask {
  /** Receives the tree in `fs/`; null to verify without extracting. */
  readonly stagingDir: string | null;
  readonly redirects: readonly Redirect[];
}

/** Where a layer goes that is not to become a snapshot here: a directory that somebody else made. */
export interface Place {
  readonly dir: string;
  /** "overlay": an empty upper directory, which gets marks. "tree": all there is below, from which deletions are taken. */
  readonly form: "overlay" | "tree";
  /** Below an upper directory, topmost first; none for a tree, which is below itself. */
  readonly lowers: readonly LowerLayer[];
  /** Of the marks in `dir` and `lowers`. */
  readonly overlayXattr: Privileges["overlayXattr"];
  /** One syncfs(2) at the end. */
  readonly syncs: boolean;
}

export interface ApplyOntoTask extends ApplyTask {
  /** On the mount of `place.dir`; directly in it or outside it. */
  readonly stagingDir: string;
  readonly place: Place;
}

/** A layer that was read to its end and is what it was said to be. */
export interface ReadLayer {
  readonly digest: Digest;
  readonly diffId: DiffId;
  readonly sizeBytes: number;
  readonly uncompressedBytes: number;
}

export interface AppliedLayer extends ReadLayer {
  readonly notes: LayerNotes;
  readonly usage: Usage;
  readonly warnings: readonly string[];
}

export type Reply<Result> =
  { readonly ok: true; readonly layer: Result } | { readonly ok: false; readonly error: WireError };
