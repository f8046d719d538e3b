import type { LoadedImage } from "../image/image-types.ts";
import type { PulledImage, PullImageOptions } from "../image/pull.ts";
import type { SourceImage } from "../image/sources/image-source.ts";
import type { UnpackOptions } from "../image/unpack.ts";
import type { Reference } from "../oci/reference.ts";
import { Channel } from "../plugin/channel.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { loadInto, type LoadIntoContext } from "./load-into.ts";
import { pullInto } from "./pull-into.ts";

/** A containerd that images are loaded or pulled into. */
export interface ContainerdOptions {
  /** Path of its socket; /run/containerd/containerd.sock by default. */
  readonly address?: string | undefined;
  /** "default" by default, as for ctr; Docker's is "moby", Kubernetes' "k8s.io". */
  readonly namespace?: string | undefined;
  /** As containerd calls it; "laminate" by default. */
  readonly snapshotter?: string | undefined;
}

export interface ContainerdTarget extends Disposable {
  load(context: LoadIntoContext, image: SourceImage, options: UnpackOptions): Promise<LoadedImage>;
  pull(
    context: LoadIntoContext,
    client: RegistryClient,
    reference: Reference,
    options: PullImageOptions,
  ): Promise<PulledImage>;
}

/** Where every distribution's containerd listens. */
export const containerdAddress = "/run/containerd/containerd.sock";

/** Connects when used. */
export function openTarget(options: ContainerdOptions, signal: AbortSignal | undefined): ContainerdTarget {
  const { address = containerdAddress, namespace = "default", snapshotter = "laminate" } = options;
  const channel = new Channel(address);
  const target = { channel, namespace, snapshotter, signal };
  return {
    load: (context, image, unpackOptions) => loadInto(context, image, target, unpackOptions),
    pull: (context, client, reference, pullOptions) => pullInto(context, client, reference, pullOptions, target),
    [Symbol.dispose]: () => {
      channel[Symbol.dispose]();
    },
  };
}
