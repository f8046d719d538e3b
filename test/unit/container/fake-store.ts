/** Just enough of a store for containers: one image whose files are a directory, snapshots that are copies of it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Digest, parseDigest } from "../../../driver/base/digest.ts";
import { StorageError } from "../../../driver/base/errors.ts";
import type { ImageLookup } from "../../../driver/container/open-containers.ts";
import type { ImageDetails } from "../../../driver/image/image-types.ts";
import type { Mount } from "../../../driver/mount/mount.ts";
import type { ContainerConfig } from "../../../driver/oci/image-config.ts";
import type { Snapshotter } from "../../../driver/snapshot/snapshotter.ts";

export function digestOf(letter: string): Digest {
  return parseDigest(`sha256:${letter.repeat(64)}`);
}

export function fakeImages(config: ContainerConfig, options: { readonly layers?: number } = {}): ImageLookup {
  const layer = {
    descriptor: { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf("c"), size: 1 },
    diffId: digestOf("c"),
    chainId: digestOf("c"),
    unpackedBytes: 1,
    inodes: 1,
    sharedBy: [],
  };
  const layers = Array.from({ length: options.layers ?? 1 }, () => layer);
  const details: ImageDetails = {
    names: ["docker.io/library/test:latest"],
    id: digestOf("a"),
    manifestDigest: digestOf("b"),
    created: null,
    sizeBytes: 1,
    manifest: {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf("a"), size: 1 },
      layers: layers.map(({ descriptor }) => descriptor),
    },
    config: { architecture: "amd64", os: "linux", config, rootfs: { type: "layers", diff_ids: [] } },
    layers,
  };
  return {
    get: (reference) =>
      reference === "test"
        ? Promise.resolve(details)
        : Promise.reject(new StorageError("ERR_NOT_FOUND", `cannot find image ${reference}`)),
  };
}

/** `snapshots/<key>` below `root` are copies of `files`; all but what containers call is missing. */
export function fakeSnapshotter(root: string, files: string): Snapshotter {
  const pathOf = (key: string): string => join(root, "snapshots", key);
  const mountsOf = (key: string): readonly Mount[] => [
    { type: "bind", source: pathOf(key), target: "", options: ["rbind", "rw"] },
  ];
  const methods: Partial<Snapshotter> = {
    backend: "copy",
    prepare: (key) => {
      mkdirSync(join(root, "snapshots"), { recursive: true });
      execFileSync("cp", ["-a", files, pathOf(key)]);
      return Promise.resolve(mountsOf(key));
    },
    mounts: (key) => Promise.resolve(mountsOf(key)),
    remove: (key) => {
      rmSync(pathOf(key), { recursive: true });
      return Promise.resolve();
    },
  };
  return methods as Snapshotter;
}
