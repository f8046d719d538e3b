/**
 * copy/ owns taking images from one place to another as they are: registries, OCI layouts and archives, in any order.
 * Nothing is unpacked, no store is touched, and manifests and configs keep their bytes. Every blob is proven while it
 * passes, and the name at the target is the last that is written.
 */
import type { Digest } from "../base/digest.ts";
import type { LayerProgress } from "../image/image-types.ts";
import type { RegistryClient } from "../registry/registry-client.ts";

export interface CopyImageOptions {
  /** os/architecture[/variant] to take from an index; this machine's unless given. */
  readonly platform?: string | undefined;
  /** An index with all that it lists, instead of one image of it. */
  readonly isWhole?: boolean | undefined;
  /** How the source's registry is spoken to; the defaults unless given. Not closed here. */
  readonly sourceClient?: RegistryClient | undefined;
  /** The same one as the source's unless given. */
  readonly targetClient?: RegistryClient | undefined;
  readonly signal?: AbortSignal | undefined;
  /** "pushing" to registries, "fetching" to files. */
  readonly onProgress?: ((progress: LayerProgress) => void) | undefined;
}

export interface CopiedImage {
  readonly source: string;
  readonly target: string;
  /** Of what the target's name stands for now: a manifest, or an index. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of that document. */
  readonly sizeBytes: number;
  readonly manifests: number;
  readonly blobsSent: number;
  /** Taken from another repository of the same registry. */
  readonly blobsMounted: number;
  /** Those that were there. */
  readonly blobsReused: number;
  /** Of the blobs that were sent. */
  readonly bytesSent: number;
}
