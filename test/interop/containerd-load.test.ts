/** A real containerd that a store's images are loaded into, and whose layers the store applies and makes. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStorage, type Storage } from "../../driver/index.ts";
import { performMount, unmount } from "../../driver/mount/perform.ts";
import { Channel } from "../../driver/plugin/channel.ts";
import { Content } from "../../driver/plugin/gen/containerd/services/content/v1/content_pb.ts";
import { Diff } from "../../driver/plugin/gen/containerd/services/diff/v1/diff_pb.ts";
import { Leases } from "../../driver/plugin/gen/containerd/services/leases/v1/leases_pb.ts";
import { Containerd } from "../fixtures/containerd.ts";
import { Daemon } from "../fixtures/daemon.ts";
import { buildImage, buildOciArchive, type FixtureImage, sha256 } from "../fixtures/image-builder.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { dir, file, symlink } from "../suites/shown.ts";

const need = needAll(needRoot(), needPrograms("containerd", "ctr", "runc", "busybox", "unshare"));
const name = "docker.io/library/demo:1";

describe.skipIf(need.missing)("containerd and a store", () => {
  let folder: string;
  let storage: Storage;
  let scope: AsyncDisposableStack;
  let containerd: Containerd;
  let ofContainerd: Channel;
  let ofStore: Channel;
  let image: FixtureImage;
  let archive: string;

  const load = (signal?: AbortSignal) =>
    storage.load(archive, {
      containerd: { address: containerd.address, namespace: "test" },
      ...(signal && { signal }),
    });
  const ctr = (...words: readonly string[]): string => containerd.ctr(...words);
  const snapshots = (): string =>
    ctr("snapshots", "--snapshotter", "laminate", "ls").trim().split("\n").slice(1).join();
  const run = (id: string): string =>
    ctr("run", "--rm", "--snapshotter", "laminate", name, id, "/bin/cat", "/etc/said");
  const ownSnapshots = async (): Promise<string[]> => {
    const found = [];
    for await (const info of storage.snapshots.walk()) found.push(info.name);
    return found.sort();
  };
  const leases = async (): Promise<number> => (await ofContainerd.unary(Leases.method.list, {})).leases.length;
  const removeImage = (): void => void ctr("images", "rm", "--sync", name);

  beforeAll(async () => {
    scope = new AsyncDisposableStack();
    folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    scope.defer(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const address = join(folder, "laminate.sock");
    const config = `[proxy_plugins.laminate]\n  type = "snapshot"\n  address = "${address}"\n`;
    // First, as containerd would try again only after a while.
    scope.use(await Daemon.start(folder, { words: ["--containerd", join(folder, "containerd/socket")] }));
    containerd = scope.use(await Containerd.start(join(folder, "containerd"), config, ["unshare", "-m"]));
    const places = { root: join(folder, "root"), state: join(folder, "state") };
    storage = scope.use(await createStorage({ ...places, durability: "none" }));
    ofContainerd = scope.use(new Channel(containerd.address, { headers: { "containerd-namespace": "test" } }));
    ofStore = scope.use(new Channel(address, { headers: { "containerd-namespace": "test" } }));
    const busybox = readFileSync("/usr/bin/busybox");
    image = {
      names: [name],
      layers: [
        { tar: tar([dir("bin"), file("bin/busybox", busybox, { mode: 0o755 }), symlink("bin/cat", "busybox")]) },
        { tar: tar([dir("etc"), dir("proc"), dir("dev"), dir("sys"), file("etc/said", "hello")]), compression: "zstd" },
      ],
    };
    archive = join(folder, "image.tar");
    await writeFile(archive, await buildOciArchive([image]));
  });
  afterAll(async () => {
    await scope.disposeAsync();
  });

  it("load registers an image that runs at once, and takes nothing for the store itself", async () => {
    expect(await load()).toMatchObject([{ names: [name], layersExtracted: 2 }]);
    expect(run("one")).toBe("hello");
    expect(await leases()).toBe(0);
    expect(await storage.images.list()).toEqual([]);
    expect(readdirSync(join(folder, "root/blobs/sha256"))).toEqual([]);
    expect(ctr("content", "ls", "-q").trim().split("\n").sort()).toEqual(
      [...buildImage(image).layers.map(({ descriptor }) => descriptor), { digest: buildImage(image).configDigest }]
        .map(({ digest }): string => digest)
        .concat(buildImage(image).descriptor.digest)
        .sort(),
    );
  });

  it("load extracts nothing that containerd was lent before, and moves the name", async () => {
    expect(await load()).toMatchObject([{ layersExtracted: 0, layersReused: 2 }]);
    expect(run("two")).toBe("hello");
  });

  it("layers that containerd does not need any more are deleted", async () => {
    removeImage();
    expect(snapshots()).toBe("");
    await expect.poll(ownSnapshots, { timeout: 60_000 }).toEqual([]);
    expect(ctr("content", "ls", "-q").trim()).toBe("");
  });

  it("containerd's collection leaves the store's own images alone, and the store's leaves containerd's", async () => {
    await storage.load(archive);
    const own = await ownSnapshots();
    expect(snapshots()).toBe("");
    await load();
    removeImage();
    expect(await ownSnapshots()).toEqual(own);
    await load();
    await storage.images.remove(name);
    expect(run("three")).toBe("hello");
    removeImage();
    await expect.poll(ownSnapshots, { timeout: 60_000 }).toEqual([]);
  });

  it("load that is given up while it registers leaves nothing", async () => {
    const giveUp = new AbortController();
    const loading = load(giveUp.signal);
    const outcome = loading.then(
      () => "loaded",
      (error: unknown) => (error as Error).message,
    );
    while ((await leases()) === 0);
    giveUp.abort(new Error("given up"));
    expect(await outcome).toBe("given up");
    expect(await leases()).toBe(0);
    expect(ctr("content", "ls", "-q").trim()).toBe("");
    expect(snapshots()).toBe("");
    expect(await storage.images.list()).toEqual([]);
  });

  describe("Diff over the socket", () => {
    it.each(["its directory", "its socket alone"])("applies a layer read from containerd by %s", async (way) => {
      await load();
      const {
        descriptor,
        diffId,
        tar: tarBytes,
      } = buildImage(image).layers[0] as unknown as {
        descriptor: { mediaType: string; digest: string; size: number };
        diffId: string;
        tar: Uint8Array;
      };
      const hidden = join(folder, "containerd/root/io.containerd.content.v1.content/blobs/sha256");
      const empty = join(folder, `empty ${way}`);
      mkdirSync(empty);
      const mounts = await storage.snapshots.prepare(`key ${way}`, "");
      if (way === "its socket alone") {
        performMount([{ type: "bind", source: empty, target: "", options: ["rbind", "ro"] }], hidden);
      }
      try {
        const request = { diff: { ...descriptor, size: BigInt(descriptor.size) }, mounts: [...mounts] as never };
        const { applied } = await ofStore.unary(Diff.method.apply, request);
        expect(applied).toMatchObject({
          mediaType: "application/vnd.oci.image.layer.v1.tar",
          digest: diffId,
          size: BigInt(tarBytes.length),
        });
        expect(readdirSync(join(await storage.snapshots.ownTree(`key ${way}`), "bin")).sort()).toEqual([
          "busybox",
          "cat",
        ]);
        const unknown = { ...request.diff, digest: sha256(Buffer.from("none")) };
        await expect(ofStore.unary(Diff.method.apply, { ...request, diff: unknown })).rejects.toMatchObject({
          code: "ERR_NOT_FOUND",
          message: expect.stringContaining(unknown.digest) as string,
        });
      } finally {
        unmount(hidden);
        await storage.snapshots.remove(`key ${way}`);
        removeImage();
      }
    });

    it("stores the layer that it makes, with what it is uncompressed, under a lease that ends", async () => {
      const mounts = await storage.snapshots.prepare("changed", "");
      await writeFile(join(await storage.snapshots.ownTree("changed"), "new"), "new");
      const { diff } = await ofStore.unary(Diff.method.diff, {
        left: [],
        right: [...mounts] as never,
        labels: { a: "b" },
      });
      const digest = diff?.digest ?? "";
      const chunks: Uint8Array[] = [];
      for await (const { data } of ofContainerd.serverStream(Content.method.read, { digest })) chunks.push(data);
      const { info } = await ofContainerd.unary(Content.method.info, { digest });
      const uncompressed = sha256(gunzipSync(Buffer.concat(chunks)));
      expect(info?.labels).toMatchObject({ a: "b", "containerd.io/uncompressed": uncompressed });
      const [lease] = (await ofContainerd.unary(Leases.method.list, {})).leases;
      expect(lease?.labels["containerd.io/gc.expire"]).toMatch(/^20.*Z$/);
      await storage.snapshots.remove("changed");
    });
  });
});
