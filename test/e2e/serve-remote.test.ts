/** A served store that fetches what is prepared, asked as containerd asks: crowds, lies and registries that fail. */
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createStorage, type ServedStorage, type Storage } from "../../driver/index.ts";
import { chainIds } from "../../driver/oci/chain-id.ts";
import { Channel } from "../../driver/plugin/channel.ts";
import { Snapshots } from "../../driver/plugin/gen/containerd/services/snapshots/v1/snapshots_pb.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { type FaultProxy, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { buildImage, type FixtureImage, flipByte } from "../fixtures/image-builder.ts";
import { putImage } from "../fixtures/registry-image.ts";
import { startRegistry } from "../fixtures/registry.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needPrograms } from "../need.ts";
import { dir, file } from "../suites/shown.ts";

const fixture: FixtureImage = {
  layers: [
    { tar: tar([dir("bin"), file("bin/one", "1".repeat(100_000))]) },
    { tar: tar([file("bin/two", "two")]), compression: "zstd" },
    { tar: tar([file("bin/three", "three")]), compression: "gzip" },
  ],
};
const image = buildImage(fixture);
const chains = chainIds(image.layers.map(({ diffId }) => diffId));
const other = `sha256:${"e".repeat(64)}`;
const prefix = "containerd.io/snapshot";

describe.skipIf(needPrograms("docker-registry").missing)("a served store in remote mode", () => {
  let scope: AsyncDisposableStack;
  let folder: string;
  let proxy: FaultProxy;
  let storage: Storage;
  let served: ServedStorage;
  let channel: Channel;
  let warnings: Record<string, unknown>[];

  beforeEach(async () => {
    scope = new AsyncDisposableStack();
    folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    scope.defer(() => {
      removeTree(folder);
    });
    const registry = scope.use(await startRegistry({ folder }));
    await putImage({ origin: `http://${registry.host}` }, "demo", image);
    proxy = scope.use(await startFaultProxy(registry.port));
    warnings = [];
    const drop = (): void => undefined;
    const warn = (fields: object): void => void warnings.push(fields as Record<string, unknown>);
    storage = scope.use(
      await createStorage({
        root: join(folder, "root"),
        durability: "none",
        slowWork: "threads",
        logger: { debug: drop, info: drop, warn, error: drop },
      }),
    );
    served = scope.use(await storage.serve(join(folder, "socket"), { remote: { env: {}, patience: { attempts: 1 } } }));
    channel = scope.use(new Channel(served.address));
  });
  afterEach(async () => {
    await scope.disposeAsync();
  });

  let count = 0;
  /** "there" when nothing is left to fetch, "mounts" when it is. */
  const prepare = async (
    at: number,
    changes: Readonly<Record<string, string>> = {},
    { parent = at === 0 ? "" : chains[at - 1], signal }: { parent?: string | undefined; signal?: AbortSignal } = {},
  ): Promise<string> => {
    const labels = {
      [`${prefix}.ref`]: chains[at] ?? "",
      [`${prefix}/cri.image-ref`]: `${proxy.host}/demo:1`,
      [`${prefix}/cri.manifest-digest`]: image.descriptor.digest,
      [`${prefix}/cri.layer-digest`]: image.layers[at]?.descriptor.digest ?? "",
      ...changes,
    };
    const request = { snapshotter: "laminate", key: `ns/${count++}/extract`, parent: parent ?? "", labels };
    try {
      const { mounts } = await channel.unary(Snapshots.method.prepare, request, { signal });
      return mounts.length > 0 ? "mounts" : "none";
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_ALREADY_EXISTS") return "there";
      throw error;
    }
  };
  const committed = async (): Promise<readonly string[]> => {
    const found = [];
    for await (const { name, kind } of storage.snapshots.walk()) if (kind === "committed") found.push(name);
    return found;
  };
  const blobRequests = (): readonly string[] =>
    proxy.seen.map(({ path }) => /\/blobs\/(.*)$/.exec(path)?.[1] ?? "").filter((each) => each !== "");
  const left = (): readonly string[] => [
    ...readdirSync(join(folder, "root/blobs/sha256")),
    ...readdirSync(join(folder, "root/ingest")).filter((name) => name.startsWith("partial-")),
  ];

  it("fetches once for eight who ask for one image, and shows of it only what is asked for", async () => {
    expect(await Promise.all(Array.from({ length: 8 }, () => prepare(0)))).toEqual(Array(8).fill("there"));
    expect([...blobRequests()].sort()).toEqual(
      [image.configDigest, ...image.layers.map(({ descriptor }) => descriptor.digest)].sort(),
    );
    const shown: string[] = [];
    for await (const { info } of channel.serverStream(Snapshots.method.list, {})) {
      shown.push(...info.map(({ name }) => name));
    }
    expect(shown).toEqual([chains[0]]);
    // The store's own sweep leaves the others until they are asked for.
    await storage.images.prune();
    proxy.fault = () => ({ kind: "answer", status: 500 });
    expect(await Promise.all([1, 2].map((at) => prepare(at)))).toEqual(["there", "there"]);
    expect(left()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("keeps what was asked for until it is removed, and the rest for a while, across a restart too", async () => {
    expect(await prepare(0)).toBe("there");
    await served.stop(0);
    proxy.fault = () => ({ kind: "answer", status: 500 });
    served = scope.use(await storage.serve(join(folder, "socket"), { remote: { env: {} } }));
    await expect.poll(() => prepare(1).catch(() => "not yet"), { timeout: 60_000 }).toBe("there");

    const [lowest = "", , top = ""] = chains;
    await storage.snapshots.update({ name: top, labels: { "laminate/held-until": String(Date.now() - 1) } });
    await storage.images.prune();
    expect([...(await committed())].sort()).toEqual(chains.slice(0, 2).sort());

    const remove = (key: string): Promise<unknown> =>
      channel.unary(Snapshots.method.remove, { snapshotter: "laminate", key });
    await expect(remove(lowest)).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
    for (const key of chains.slice(0, 2).reverse()) await remove(key);
    await channel.unary(Snapshots.method.cleanup, { snapshotter: "laminate" });
    expect(await committed()).toEqual([]);
  });

  it("fetches no layer for a chainID, a layer or a parent that is not the image's", async () => {
    expect(await prepare(1, { [`${prefix}.ref`]: other }, { parent: "" })).toBe("mounts");
    expect(await prepare(0, { [`${prefix}/cri.layer-digest`]: other })).toBe("mounts");
    expect(await prepare(0, { [`${prefix}/cri.layer-digest`]: image.layers[1]?.descriptor.digest ?? "" })).toBe(
      "mounts",
    );
    expect(await prepare(1, {}, { parent: "" })).toBe("mounts");
    expect(blobRequests().filter((digest) => digest !== image.configDigest)).toEqual([]);
    expect(await committed()).toEqual([]);
    expect(warnings).toHaveLength(4);
    expect(await prepare(0)).toBe("there");
  });

  it("leaves labels that are no references and no digests to containerd", async () => {
    const hostile = [
      { [`${prefix}/cri.image-ref`]: "http://169.254.169.254/x" },
      { [`${prefix}/cri.image-ref`]: "../../etc/passwd" },
      { [`${prefix}/cri.image-ref`]: "" },
      { [`${prefix}/cri.manifest-digest`]: "sha256:../../x" },
      { [`${prefix}/cri.manifest-digest`]: other },
      { [`${prefix}/cri.layer-digest`]: "__proto__" },
      { [`${prefix}.ref`]: "sha256:zz" },
    ];
    for (const labels of hostile) expect(await prepare(0, labels)).toBe("mounts");
    expect(blobRequests()).toEqual([]);
  });

  it("says once that nobody tells it of images", async () => {
    for (const at of [0, 0]) {
      expect(await prepare(at, { [`${prefix}/cri.image-ref`]: "", [`${prefix}/cri.layer-digest`]: "" })).toBe("mounts");
    }
    expect(warnings).toHaveLength(1);
    expect(proxy.seen).toEqual([]);
  });

  it("shows nothing of an image with a wrong layer, warns once a try, and drops what came", async () => {
    const bad = image.layers[2]?.descriptor.digest ?? "";
    proxy.fault = ({ path }) =>
      path.includes(bad) ? { kind: "change", body: (bytes) => Buffer.from(flipByte(bytes, 20)) } : undefined;
    expect(await Promise.all(Array.from({ length: 8 }, () => prepare(0)))).toEqual(Array(8).fill("mounts"));
    const tries = proxy.seen.filter(({ path }) => path.includes("/manifests/")).length;
    expect(warnings).toHaveLength(tries);
    expect(warnings[0]).toMatchObject({ image: `${proxy.host}/demo:1`, code: "ERR_DATA_LOSS" });
    expect(await committed()).toEqual([]);
    expect(left()).toEqual([]);
    const requests = proxy.seen.length;
    // The other layers of the same pull are containerd's.
    expect(await prepare(1, {}, { parent: "" })).toBe("mounts");
    expect(proxy.seen).toHaveLength(requests);

    proxy.fault = () => undefined;
    expect(await prepare(0)).toBe("there");
  });

  it("stops a fetch that nobody waits for any more, and goes on from there for the next who asks", async () => {
    const whole = image.layers[0]?.descriptor.size ?? 0;
    const stalled = Promise.withResolvers<undefined>();
    proxy.fault = ({ path }) => {
      if (!path.includes(image.layers[0]?.descriptor.digest ?? "")) return undefined;
      stalled.resolve(undefined);
      return { kind: "stall", afterBytes: whole - 1 };
    };
    const giveUp = new AbortController();
    const both = [giveUp.signal, giveUp.signal].map((signal) =>
      prepare(0, {}, { signal }).catch((error: unknown) => error),
    );
    await stalled.promise;
    giveUp.abort(new Error("given up"));
    for (const end of both) expect(await end).toMatchObject({ message: "given up" });
    expect(await committed()).toEqual([]);

    proxy.fault = () => undefined;
    expect(await prepare(0)).toBe("there");
    expect(warnings).toEqual([]);
  });

  it("gives up its fetches when it is stopped", async () => {
    const stalled = Promise.withResolvers<undefined>();
    proxy.fault = ({ path }) => {
      if (!path.includes("/blobs/")) return undefined;
      stalled.resolve(undefined);
      return { kind: "stall", afterBytes: 10 };
    };
    const asking = prepare(0).catch((error: unknown) => error);
    await stalled.promise;
    await served.stop(0);
    expect(await asking).toBeInstanceOf(Error);
    expect(await committed()).toEqual([]);
  });
});
