import type { Descriptor } from "../../oci/descriptor.ts";

/** Manifests, indexes and configs by their descriptors, wherever they are. */
export interface Documents {
  /** How to call the place in messages. */
  readonly what: string;
  /** Each costs a while: what an index says of platforms is believed, and only what is chosen is read. */
  readonly areFar: boolean;
  has(descriptor: Descriptor): Promise<boolean>;
  /** Size and digest proven. @throws {StorageError} ERR_NOT_FOUND; ERR_DATA_LOSS. */
  read(descriptor: Descriptor): Promise<Uint8Array>;
}
