/** A real containerd whose Kubernetes side pulls images of which the store fetches the layers. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStorage, type Storage } from "../../driver/index.ts";
import { Containerd } from "../fixtures/containerd.ts";
import { criPull } from "../fixtures/cri.ts";
import { Daemon } from "../fixtures/daemon.ts";
import { type FaultProxy, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { buildImage, type FixtureImage } from "../fixtures/image-builder.ts";
import { putImage } from "../fixtures/registry-image.ts";
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
  const warnings = (): readonly unknown[] => daemon.log.filter(({ level }) => level === "warn" || level === 40);

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
    await putImage({ origin: `http://${registry.host}` }, "demo", buildImage(image), "1");
    const address = join(folder, "laminate.sock");
    const config = `[proxy_plugins.laminate]
  type = "snapshot"
  address = "${address}"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "laminate"
  disable_snapshot_annotations = false
`;
    containerd = scope.use(await Containerd.start(join(folder, "containerd"), config, [], []));
    daemon = scope.use(await Daemon.start(folder, { words: ["--remote", "--containerd", containerd.address] }));
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
    expect(snapshots()).toEqual(await ownSnapshots());
    expect(readdirSync(join(folder, "root/blobs/sha256"))).toEqual([]);
  });
});
