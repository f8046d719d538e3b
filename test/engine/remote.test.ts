/** Images that Kubernetes' and Docker's side of a newer Debian's engine pull, whose layers the store fetches. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isDigest } from "../../driver/base/digest.ts";
import { criPull } from "../fixtures/cri.ts";
import { DockerEngine } from "../fixtures/docker-engine.ts";
import { type FaultProxy, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { buildImage, type FixtureImage } from "../fixtures/image-builder.ts";
import { putImage } from "../fixtures/registry-image.ts";
import { startRegistry } from "../fixtures/registry.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { dir, file, symlink } from "../suites/shown.ts";
import { EngineStore } from "./engine-store.ts";

const need = needAll(needRoot(), needPrograms("mmdebstrap", "runc", "busybox", "docker-registry"));

describe.skipIf(need.missing)("an engine and a store that fetches what is about to be unpacked", () => {
  let scope: AsyncDisposableStack;
  let store: EngineStore;
  let docker: DockerEngine;
  let proxy: FaultProxy;
  let image: FixtureImage;

  const name = (repository: string): string => `${proxy.host}/${repository}:1`;
  /** Who has fetched each of the image's layers. */
  const fetches = (): readonly string[] =>
    buildImage(image).layers.map(({ descriptor }) =>
      proxy.seen
        .filter(({ path, method }) => method === "GET" && path.includes(descriptor.digest))
        .map(({ headers }) => headers["user-agent"])
        .join(),
    );

  beforeAll(async () => {
    scope = new AsyncDisposableStack();
    store = scope.use(await EngineStore.start("containerd-1.7", { isRemote: true }));
    docker = scope.use(
      await DockerEngine.start(join(store.folder, "docker"), store.containerd.address, store.daemonJson()),
    );
    const registry = scope.use(await startRegistry({ folder: store.folder }));
    proxy = scope.use(await startFaultProxy(registry.port));
    const busybox = readFileSync("/usr/bin/busybox");
    image = {
      config: { Cmd: ["/bin/cat", "/etc/said"] },
      layers: [
        { tar: tar([dir("bin"), file("bin/busybox", busybox, { mode: 0o755 }), symlink("bin/cat", "busybox")]) },
        { tar: tar([dir("etc"), dir("proc"), dir("dev"), dir("sys"), file("etc/said", "hello")]), compression: "gzip" },
      ],
    };
    await putImage({ origin: `http://${registry.host}` }, "demo", buildImage(image), "1");
  }, 900_000);
  afterAll(async () => {
    await scope.disposeAsync();
  });

  it("serves Kubernetes' side", async () => {
    await criPull(store.containerd.address, name("demo"));
    expect(fetches()).toEqual(["laminate", "laminate"]);
    const words = ["--namespace", "k8s.io", "run", "--rm", "--snapshotter", "laminate", name("demo"), "one"];
    expect(store.containerd.ctr(...words)).toBe("hello");
    const images = store.containerd.ctr("--namespace", "k8s.io", "images", "ls", "-q").trim().split("\n");
    store.containerd.ctr("--namespace", "k8s.io", "images", "rm", "--sync", ...images);
    await expect.poll(() => store.snapshots(), { timeout: 60_000 }).toEqual([]);
  });

  it("serves Docker", async () => {
    proxy.seen.length = 0;
    await docker.served("pull", name("demo"));
    expect(fetches()).toEqual(["laminate", "laminate"]);
    expect(docker.ok("run", "--rm", name("demo"))).toBe("hello");
    expect((await store.snapshots()).filter(isDigest)).toHaveLength(2);
    docker.ok("image", "rm", name("demo"));
    await expect.poll(() => store.snapshots(), { timeout: 60_000 }).toEqual([]);
    expect(store.daemon.log.filter(({ level }) => level === "warn")).toEqual([]);
  });
});
