/**
 * sources/ owns reading images from where they are: docker-archives, OCI archives, OCI layouts, registries. A source tells
 * what there is and where its bytes lie or come from; it has verified every document (size and digest where there is one) and no layer.
 * Names that an archive gives to its members are keys here, never paths on the host.
 */
import type { DiffId, Digest } from "../../base/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ImageConfig } from "../../oci/image-config.ts";

/** Bytes in a file of the host: all of it, or a member of an archive. */
export interface FileSlice {
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Bytes that are elsewhere and come when they are asked for. */
export interface RemoteBytes {
  /**
   * All bytes from `fromBytes` on, as many as the descriptor says; whether they are right is for the reader to prove.
   * @throws {StorageError}, and the signal's reason.
   */
  read(fromBytes: number, signal: AbortSignal | undefined): AsyncIterable<Uint8Array>;
}

export function isRemote(bytes: FileSlice | RemoteBytes): bytes is RemoteBytes {
  return "read" in bytes;
}

export interface SourceLayer {
  readonly descriptor: {
    /** What the manifest says or, in a docker-archive, what the first bytes show. */
    readonly mediaType: string;
    /** Null in a docker-archive with compressed layers: only the diffID proves them. Never for remote bytes. */
    readonly digest: Digest | null;
    readonly size: number;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly diffId: DiffId;
  /** Valid until the source is disposed of. A regular file when it was looked at: open it with O_NOFOLLOW. */
  readonly file: FileSlice | RemoteBytes;
}

export interface SourceManifest {
  readonly bytes: Uint8Array;
  /** With media type, digest and size; no annotations. */
  readonly descriptor: Descriptor;
}

export interface SourceImage {
  /** Canonical references; empty when the source does not name the image. */
  readonly names: readonly string[];
  readonly config: {
    /** Exactly as stored: their digest is the ImageID. */
    readonly bytes: Uint8Array;
    readonly descriptor: Descriptor;
    readonly parsed: ImageConfig;
  };
  /** Bottom layer first; as many as diffIDs. May be empty. */
  readonly layers: readonly SourceLayer[];
  /**
   * The manifest, given what the layers turned out to be when they were read, in order: the source's own bytes, or for
   * a docker-archive an OCI manifest made from them.
   * @throws {StorageError} ERR_DATA_LOSS when a layer is not the one that the source's manifest names.
   */
  manifestFor(layers: readonly Descriptor[]): SourceManifest;
}

/** Disposing removes spooled files. */
export interface ImageSource extends AsyncDisposable {
  /** How to call it in messages. */
  readonly what: string;
  readonly images: readonly SourceImage[];
}
