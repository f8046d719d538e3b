/** What is to be sent, and to where. */
import type { Readable } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";

export interface PushTarget {
  /** "cannot push …": begins the message of each failure. */
  readonly context: string;
  readonly repository: string;
  readonly scope: string;
  readonly signal?: AbortSignal | undefined;
}

export interface PushedBlob extends PushTarget {
  readonly descriptor: Descriptor;
  /** The blob's bytes; called again when a transfer breaks. */
  readonly open: () => Readable;
  /** A repository of the same registry that may have the blob. */
  readonly mountFrom?: string | undefined;
}
