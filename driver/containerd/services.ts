import type { Logger } from "../base/logger.ts";
import { openDiffer } from "../differ/open-differ.ts";
import { sweep } from "../image/remove.ts";
import { lockStore } from "../image/store-lock.ts";
import { Channel } from "../plugin/channel.ts";
import { diffService } from "../plugin/diff-service.ts";
import type { GrpcService } from "../plugin/service.ts";
import { snapshotsService } from "../plugin/snapshots-service.ts";
import { storeView } from "../plugin/store-view.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { ContainerdBlobs } from "./blobs.ts";
import type { LoadIntoContext } from "./load-into.ts";
import { RemoteImages } from "./remote-images.ts";
import { containerdAddress } from "./target.ts";

export interface StoreServices extends AsyncDisposable {
  readonly services: readonly GrpcService[];
}

export interface StoreServicesOptions {
  /** containerd's own socket, connected to when the first layer is applied or made. */
  readonly address?: string | undefined;
  /** Fetches images that containerd asks for, by clients like this. */
  readonly openClient?: (() => RegistryClient) | undefined;
  readonly logger: Logger;
}

/** What a store offers to containerd: Snapshots and Diff. */
export function storeServices(
  context: LoadIntoContext,
  { address = containerdAddress, openClient, logger }: StoreServicesOptions,
): StoreServices {
  const { content, snapshotter } = context;
  const channel = new Channel(address);
  const remote = openClient && new RemoteImages({ context, openClient, logger });
  const view = storeView(snapshotter, {
    whileKept: async (work) => {
      using _lock = await lockStore(content.root, "shared");
      return await work();
    },
    sweep: () => sweep(context),
    bring: remote && ((wanted, signal) => remote.bring(wanted, signal)),
  });
  const differ = openDiffer(context, new ContainerdBlobs({ channel, spool: content }));
  return {
    services: [snapshotsService(view), diffService(differ)],
    [Symbol.asyncDispose]: async () => {
      channel[Symbol.dispose]();
      await remote?.[Symbol.asyncDispose]();
    },
  };
}
