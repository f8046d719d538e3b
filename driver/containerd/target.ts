import type { LoadedImage } from "../image/image-types.ts";
import type { SourceImage } from "../image/sources/image-source.ts";
import type { UnpackOptions } from "../image/unpack.ts";
import { Channel } from "../plugin/channel.ts";
import { loadInto, type LoadIntoContext } from "./load-into.ts";

/** A containerd that images are loaded into. */
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
}

/** Where every distribution's containerd listens. */
export const containerdAddress = "/run/containerd/containerd.sock";

/** Connects when used. */
export function openTarget(options: ContainerdOptions, signal: AbortSignal | undefined): ContainerdTarget {
  const { address = containerdAddress, namespace = "default", snapshotter = "laminate" } = options;
  const channel = new Channel(address);
  return {
    load: (context, image, unpackOptions) =>
      loadInto(context, image, { channel, namespace, snapshotter, signal }, unpackOptions),
    [Symbol.dispose]: () => {
      channel[Symbol.dispose]();
    },
  };
}
