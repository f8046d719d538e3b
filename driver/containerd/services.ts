import { openDiffer } from "../differ/open-differ.ts";
import { sweep } from "../image/remove.ts";
import { lockStore } from "../image/store-lock.ts";
import { Channel } from "../plugin/channel.ts";
import { diffService } from "../plugin/diff-service.ts";
import type { GrpcService } from "../plugin/service.ts";
import { snapshotsService } from "../plugin/snapshots-service.ts";
import { storeView } from "../plugin/store-view.ts";
import { ContainerdBlobs } from "./blobs.ts";
import type { LoadIntoContext } from "./load-into.ts";
import { containerdAddress } from "./target.ts";

export interface StoreServices extends Disposable {
  readonly services: readonly GrpcService[];
}

/**
 * What a store offers to containerd: Snapshots and Diff. `address`, containerd's own socket, is connected to
 * when the first layer is applied or made.
 */
export function storeServices(context: LoadIntoContext, address: string = containerdAddress): StoreServices {
  const { content, snapshotter } = context;
  const channel = new Channel(address);
  const view = storeView(snapshotter, {
    whileKept: async (work) => {
      using _lock = await lockStore(content.root, "shared");
      return await work();
    },
    sweep: () => sweep(context),
  });
  const differ = openDiffer(context, new ContainerdBlobs({ channel, spool: content }));
  return {
    services: [snapshotsService(view), diffService(differ)],
    [Symbol.dispose]: () => {
      channel[Symbol.dispose]();
    },
  };
}
