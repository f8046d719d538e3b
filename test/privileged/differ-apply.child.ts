/** Prepares a snapshot and applies a layer on it, until it is killed: root, blobs' directory, key, descriptor. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ForeignBlobs } from "../../driver/differ/differ.ts";
import type { Descriptor } from "../../driver/oci/descriptor.ts";
import { openDifferStore } from "../fixtures/differ-store.ts";

const [root = "", dir = "", key = "", descriptor = ""] = process.argv.slice(2);
const blobs: ForeignBlobs = {
  open: async ({ digest }) => {
    const path = join(dir, digest);
    const { size } = await stat(path);
    return { path, offsetBytes: 0, sizeBytes: size, [Symbol.asyncDispose]: () => Promise.resolve() };
  },
  write: () => Promise.resolve(),
};
await using store = await openDifferStore("overlay", () => blobs, root);
const mounts = await store.snapshotter.prepare(key, "");
const layer = JSON.parse(descriptor) as Descriptor;
await store.differ.apply({ layer, mounts, syncs: true }, { namespace: "test" });
