/** A real containerd whose Kubernetes side pulls images of which the store fetches the layers. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isDigest } from "../../driver/base/digest.ts";
import { createStorage, type LayerProgress, type PullOptions, type Storage } from "../../driver/index.ts";
import { Containerd } from "../fixtures/containerd.ts";
import { criPull } from "../fixtures/cri.ts";
import { Daemon } from "../fixtures/daemon.ts";
import { type FaultProxy, type Seen, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { buildImage, type BuiltImage, encode, type FixtureImage, sha256 } from "../fixtures/image-builder.ts";
import { putImage, putManifest } from "../fixtures/registry-image.ts";
import { startRegistry } from "../fixtures/registry.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { dir, file, symlink } from "../suites/shown.ts";

const need = needAll(needRoot(), needPrograms("containerd", "ctr", "runc", "busybox", "docker-registry"));

describe.skipIf(need.missing)("containerd and a store that fetches what it is about to unpack", () => {
  let folder: string;
  let scope: AsyncDisposableStack;
  let containerd: Containerd;
  let daemon: Daemon;
  let storage: Storage;
  let proxy: FaultProxy;
  let image: FixtureImage;
  let platforms: { readonly index: Uint8Array; readonly chosen: BuiltImage };

  const inKubernetes = (...words: readonly string[]): string => containerd.ctr("--namespace", "k8s.io", ...words);
  const name = (repository: string): string => `${proxy.host}/${repository}:1`;
  const run = (repository: string, id: string): string =>
    inKubernetes("run", "--rm", "--snapshotter", "laminate", name(repository), id, "/bin/cat", "/etc/said");
  const snapshots = (): readonly string[] =>
    inKubernetes("snapshots", "--snapshotter", "laminate", "ls")
      .split("\n")
      .slice(1)
      .map((line) => line.split(/\s+/)[0] ?? "")
      .filter((line) => line !== "")
      .sort();
  const ownSnapshots = async (): Promise<string[]> => {
    const found = [];
    for await (const info of storage.snapshots.walk()) found.push(info.name);
    return found.sort();
  };
  /** Who has fetched each of the image's layers. */
  const fetches = (): readonly string[] =>
    buildImage(image).layers.map(({ descriptor }) =>
      proxy.seen
        .filter(({ path, method }) => method === "GET" && path.includes(descriptor.digest))
        .map(({ headers }) => headers["user-agent"]?.split("/")[0])
        .join(),
    );
  const layerAt = (at: number): string => buildImage(image).layers[at]?.descriptor.digest ?? "";
  const bottom = (): string => layerAt(0);
  const top = (): string => layerAt(2);
  const isOurs = ({ headers }: Seen): boolean => headers["user-agent"] === "laminate";
  const removeImages = (): void => {
    const names = inKubernetes("images", "ls", "-q").trim().split("\n");
    inKubernetes("images", "rm", "--sync", ...names);
  };
  const blobs = (): readonly string[] => readdirSync(join(folder, "root/blobs/sha256"));
  const partials = (): readonly string[] =>
    readdirSync(join(folder, "root/ingest")).filter((each) => each.startsWith("partial-"));
  const partialBytes = (digest: string): number => {
    const found = partials().find((each) => readIfThere(join(folder, "root/ingest", each, "digest")) === digest);
    return found === undefined ? -1 : statSync(join(folder, "root/ingest", found, "data")).size;
  };
  const warnings = (): readonly unknown[] => daemon.log.filter(({ level }) => level === "warn" || level === 40);

  const startDaemon = (): Promise<Daemon> =>
    Daemon.start(folder, { words: ["--remote", "--containerd", join(folder, "containerd/socket")] });

  beforeAll(async () => {
    scope = new AsyncDisposableStack();
    folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    scope.defer(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const registry = scope.use(await startRegistry({ folder }));
    proxy = scope.use(await startFaultProxy(registry.port));
    const busybox = readFileSync("/usr/bin/busybox");
    image = {
      layers: [
        { tar: tar([dir("bin"), file("bin/busybox", busybox, { mode: 0o755 }), symlink("bin/cat", "busybox")]) },
        { tar: tar([dir("etc"), dir("proc"), dir("dev"), dir("sys"), file("etc/said", "hello")]), compression: "zstd" },
        { tar: tar([file("etc/more", "more")]), compression: "gzip" },
      ],
    };
    const uploader = { origin: `http://${registry.host}` };
    await putImage(uploader, "demo", buildImage(image), "1");
    const other = { layers: [...image.layers.slice(0, 2), { tar: tar([file("etc/other", "other")]) }] };
    await putImage(uploader, "other", buildImage(other), "1");
    const chosen = buildImage(image);
    const elsewhere = buildImage({ ...other, platform: { os: "linux", architecture: "s390x" } });
    for (const each of [chosen, elsewhere]) await putImage(uploader, "index", each);
    const host = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const manifests = [
      { ...elsewhere.descriptor, platform: { os: "linux", architecture: "s390x" } },
      { ...chosen.descriptor, platform: host },
    ];
    const index = encode({ schemaVersion: 2, mediaType, manifests });
    await putManifest(uploader, "index", "1", index, mediaType);
    platforms = { index, chosen };
    const address = join(folder, "laminate.sock");
    const config = `[proxy_plugins.laminate]
  type = "snapshot"
  address = "${address}"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "laminate"
  disable_snapshot_annotations = false
`;
    // First, as containerd waits for seconds before it looks again for one that was not there.
    daemon = await startDaemon();
    scope.defer(() => daemon[Symbol.asyncDispose]());
    containerd = scope.use(await Containerd.start(join(folder, "containerd"), config, [], []));
    const places = { root: join(folder, "root"), state: join(folder, "state") };
    storage = scope.use(await createStorage({ ...places, durability: "none" }));
  });
  afterAll(async () => {
    await scope.disposeAsync();
  });

  it("pulls without fetching a layer, which the store fetches once, and runs", async () => {
    await criPull(containerd.address, name("demo"));
    expect(warnings()).toEqual([]);
    expect(fetches()).toEqual(["laminate", "laminate", "laminate"]);
    expect(run("demo", "one")).toBe("hello");
    // The container's own goes when containerd collects its garbage.
    expect((await ownSnapshots()).filter(isDigest)).toEqual(snapshots().filter(isDigest));
    expect(blobs()).toEqual([]);
  });

  it("fetches only the layers of another image that are new", async () => {
    await criPull(containerd.address, name("other"));
    expect(fetches()).toEqual(["laminate", "laminate", "laminate"]);
    expect(run("other", "two")).toBe("hello");
    expect(warnings()).toEqual([]);
  });

  it("has nothing left when containerd has removed the images", async () => {
    removeImages();
    expect(snapshots()).toEqual([]);
    await expect.poll(ownSnapshots, { timeout: 60_000 }).toEqual([]);
    expect(partials()).toEqual([]);
  });

  it("leaves the work to containerd when the registry fails it, says so once, and tries anew the next time", async () => {
    proxy.fault = (seen) =>
      isOurs(seen) && seen.path.includes(top()) ? { kind: "answer", status: 404, body: "{}" } : undefined;
    await criPull(containerd.address, name("demo"));
    expect(warnings()).toMatchObject([{ image: `${proxy.host}/demo:1`, code: "ERR_NOT_FOUND" }]);
    expect(run("demo", "three")).toBe("hello");
    expect(snapshots().filter(isDigest)).toHaveLength(3);
    expect(blobs()).toEqual([]);
    expect(partials()).toEqual([]);
    removeImages();
    await expect.poll(ownSnapshots, { timeout: 60_000 }).toEqual([]);

    proxy.fault = () => undefined;
    proxy.seen.length = 0;
    await criPull(containerd.address, name("demo"));
    expect(fetches()).toEqual(["laminate", "laminate", "laminate"]);
    removeImages();
    await expect.poll(ownSnapshots, { timeout: 60_000 }).toEqual([]);
  });

  it("goes on after it was killed in the middle of a fetch, where it was", async () => {
    const stalled = Promise.withResolvers<undefined>();
    proxy.fault = (seen) => {
      if (!isOurs(seen) || !seen.path.includes(bottom())) return undefined;
      stalled.resolve(undefined);
      return { kind: "stall", afterBytes: 100_000 };
    };
    const pulling = criPull(containerd.address, name("demo")).catch((error: unknown) => error);
    await stalled.promise;
    await expect.poll(() => partialBytes(bottom()), { timeout: 60_000 }).toBe(100_000);
    await daemon.end("SIGKILL");
    expect(await pulling).toBeInstanceOf(Error);

    proxy.fault = () => undefined;
    proxy.seen.length = 0;
    daemon = await startDaemon();
    await expect
      .poll(() => criPull(containerd.address, name("demo")).catch((error: unknown) => error), { timeout: 60_000 })
      .toMatch(/^sha256:/);
    const resumed = proxy.seen.filter((seen) => isOurs(seen) && seen.path.includes(bottom()));
    expect(resumed.map(({ headers }) => headers.range)).toEqual(["bytes=100000-"]);
    expect(run("demo", "four")).toBe("hello");
    expect(partials()).toEqual([]);
    removeImages();
    await expect.poll(ownSnapshots, { timeout: 60_000 }).toEqual([]);
  });

  describe("pull into it", () => {
    const pull = (repository: string, options: PullOptions = {}) =>
      storage.pull(name(repository), { containerd: { address: containerd.address, namespace: "test" }, ...options });
    const content = (): readonly string[] => containerd.ctr("content", "ls", "-q").trim().split("\n").sort();
    const removeImage = (): void => void containerd.ctr("images", "rm", "--sync", name("index"));

    it("fetches each layer once and registers what runs at once, under the digest that the registry has", async () => {
      proxy.seen.length = 0;
      const events: LayerProgress[] = [];
      const { index, chosen } = platforms;
      expect(await pull("index", { onProgress: (event) => events.push(event) })).toMatchObject({
        reference: name("index"),
        digest: sha256(index),
        manifestDigest: chosen.descriptor.digest,
        isNewer: true,
        layersExtracted: 3,
      });
      expect(fetches()).toEqual(["laminate", "laminate", "laminate"]);
      expect(new Set(events.map(({ phase }) => phase))).toEqual(new Set(["waiting", "fetching", "extracting", "done"]));
      expect(containerd.ctr("images", "ls")).toMatch(
        `${name("index")} application/vnd.oci.image.index.v1+json ${sha256(index)}`,
      );
      const words = ["run", "--rm", "--snapshotter", "laminate", name("index"), "pulled", "/bin/cat", "/etc/said"];
      expect(containerd.ctr(...words)).toBe("hello");
      const documents = [sha256(index), chosen.descriptor.digest, chosen.configDigest];
      expect(content()).toEqual([...chosen.layers.map(({ descriptor }) => descriptor.digest), ...documents].sort());
      expect(await storage.images.list()).toEqual([]);
      expect(blobs()).toEqual([]);
      expect(partials()).toEqual([]);
    });

    it("fetches nothing that containerd has, and has nothing left when that removes the image", async () => {
      proxy.seen.length = 0;
      expect(await pull("index")).toMatchObject({ isNewer: false, layersExtracted: 0, layersReused: 3 });
      expect(fetches()).toEqual(["", "", ""]);
      removeImage();
      expect(content()).toEqual([""]);
      await expect.poll(ownSnapshots, { timeout: 60_000 }).toEqual([]);
    });

    it("leaves nothing in containerd when it is given up in the middle of a layer", async () => {
      const giveUp = new AbortController();
      proxy.fault = (seen) => {
        if (!seen.path.includes(top())) return undefined;
        giveUp.abort(new Error("given up"));
        return { kind: "stall", afterBytes: 0 };
      };
      await expect(pull("index", { signal: giveUp.signal })).rejects.toThrow("given up");
      proxy.fault = () => undefined;
      expect(content()).toEqual([""]);
      expect(containerd.ctr("leases", "ls", "-q").trim()).toBe("");
      expect(await ownSnapshots()).toEqual([]);
      expect(await storage.images.list()).toEqual([]);
    });
  });
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
