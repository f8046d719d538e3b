/** Disks and blobs that fail under a real containerd: what its clients are told, what is seen, and what works again. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Mount } from "../../driver/mount/mount.ts";
import { Channel } from "../../driver/plugin/channel.ts";
import { Diff } from "../../driver/plugin/gen/containerd/services/diff/v1/diff_pb.ts";
import { SnapshotsClient } from "../../driver/plugin/snapshots-client.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { Containerd } from "../fixtures/containerd.ts";
import { Daemon } from "../fixtures/daemon.ts";
import { buildImage, buildOciArchive, type FixtureImage, sha256 } from "../fixtures/image-builder.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { dir, file } from "../suites/shown.ts";

const mebibyte = 1024 * 1024;
const need = needAll(needRoot(), needPrograms("containerd", "ctr", "mkfs.ext4", "e2fsck", "findmnt", "mkfifo"));
const headers = { "containerd-namespace": "test" };
const ofLaminate = ["--snapshotter", "laminate"];

/** One of each: fits, does not fit on the store's disk, is read from a disk with holes. */
const layers = {
  small: { tar: tar([dir("etc"), file("etc/said", "hello")]) },
  big: { tar: tar([file("first", "1"), file("zeros", Buffer.alloc(128 * mebibyte))]) },
  long: { tar: tar([file("noise", randomBytes(24 * mebibyte))]), compression: "none" as const },
};
type LayerName = keyof typeof layers;
const image = (name: LayerName): FixtureImage => ({
  names: [`docker.io/library/${name}:1`],
  layers: [layers[name]],
});

describe.skipIf(need.missing)("containerd on a laminate whose disks fail", () => {
  let folder: string;
  let scope: AsyncDisposableStack;
  let daemon: Daemon;
  let containerd: Containerd;
  /** Snapshots as containerd's clients see them. */
  let client: SnapshotsClient;
  let own: SnapshotsClient;
  let diff: Channel;
  let blobs: string;
  let keys = 0;

  const pathOf = (name: string): string => join(folder, name);
  const blobOf = (name: LayerName): string =>
    join(blobs, buildImage(image(name)).layers[0]?.descriptor.digest.slice("sha256:".length) ?? "");
  const apply = async (name: LayerName, mounts: readonly Mount[], channel = diff): Promise<string> => {
    const layer = buildImage(image(name)).layers[0];
    if (layer === undefined) throw new TypeError("no layer");
    const { descriptor, diffId } = layer;
    const request = { diff: { ...descriptor, size: BigInt(descriptor.size) }, mounts: [...mounts] as never };
    const { applied } = await channel.unary(Diff.method.apply, request);
    expect(applied?.digest).toBe(diffId);
    return diffId;
  };
  const refused = (code: string, ...parts: readonly string[]): object => {
    const message = expect.stringMatching(new RegExp(parts.map((part) => `(?=.*${part})`).join(""), "s")) as string;
    return { code, message };
  };
  const digestOf = (name: LayerName): string => buildImage(image(name)).layers[0]?.descriptor.digest ?? "";
  const startDaemon = (): Promise<Daemon> =>
    Daemon.start(folder, { words: ["--containerd", pathOf("containerd/socket"), "--durability", "full"] });
  /** As containerd names it. */
  const backendKey = async (): Promise<string> => {
    for await (const { name } of own.walk()) if (name.endsWith(`/${key}`)) return name;
    throw new Error(`there is no ${key}`);
  };
  const treeOf = (mounts: readonly Mount[]): string => mounts[0]?.source ?? "";
  const namesOf = async (snapshots: SnapshotsClient): Promise<readonly string[]> => {
    const names: string[] = [];
    for await (const { name } of snapshots.walk()) names.push(name.replace(/^test\/[0-9]+\//, ""));
    return names.sort();
  };
  const staging = (): readonly string[] => readdirSync(pathOf("root/staging")).filter((name) => name !== "lock");
  const ingests = (): readonly string[] =>
    readdirSync(pathOf("root/ingest"), { withFileTypes: true }).flatMap((found) =>
      found.isDirectory() ? found.name : [],
    );
  const directories = (): readonly string[] =>
    readdirSync(pathOf("root/snapshots")).filter((name) => /^[0-9]+$/.test(name));
  const collect = (): void => {
    containerd.ctr("leases", "create", "--id", "collect");
    containerd.ctr("leases", "delete", "--sync", "collect");
  };
  /** Both views are equal, once containerd has collected what nobody needs, and nothing lies around. */
  const agree = async (): Promise<void> => {
    collect();
    await expect.poll(staging, { timeout: 60_000 }).toEqual([]);
    expect(ingests()).toEqual([]);
    const ours = await namesOf(own);
    expect(await namesOf(client)).toEqual(ours);
    expect(directories()).toHaveLength(ours.length);
  };
  const makeDisk = (name: string, place: string, options: string, ...features: readonly string[]): void => {
    execFileSync("truncate", ["-s", name === "store" ? "96M" : "32M", pathOf(name)]);
    execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", "-b", "4096", ...features, pathOf(name)]);
    mountDisk(name, place, options);
  };
  const mountDisk = (name: string, place: string, options: string): void =>
    void execFileSync("mount", ["-o", options, pathOf(name), place]);
  const fill = (): void => {
    for (const size of [mebibyte, 4096]) {
      try {
        for (;;) writeFileSync(pathOf("root/filler"), Buffer.alloc(size), { flag: "a" });
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
      }
    }
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    await using building = new AsyncDisposableStack();
    building.defer(() => {
      removeTree(folder);
    });
    mkdirSync(pathOf("root"));
    makeDisk("store", pathOf("root"), "loop,errors=remount-ro");
    building.defer(() => void execFileSync("umount", [pathOf("root")]));
    const address = pathOf("laminate.sock");
    const config = `[proxy_plugins.laminate]\n  type = "snapshot"\n  address = "${address}"\n`;
    // First, as containerd would try again only after a while.
    daemon = await startDaemon();
    building.defer(() => daemon[Symbol.asyncDispose]());
    containerd = building.use(await Containerd.start(pathOf("containerd"), config));
    blobs = pathOf("containerd/root/io.containerd.content.v1.content/blobs/sha256");
    client = building.use(new SnapshotsClient(containerd.address, { headers }));
    own = building.use(new SnapshotsClient(address));
    diff = building.use(new Channel(address, { headers }));
    for (const name of Object.keys(layers) as LayerName[]) {
      writeFileSync(pathOf(`${name}.tar`), await buildOciArchive([image(name)]));
      containerd.ctr("images", "import", "--no-unpack", pathOf(`${name}.tar`));
    }
    scope = building.move();
  });
  afterAll(async () => {
    await scope.disposeAsync();
  });
  let key: string;
  let mounts: readonly Mount[];
  beforeEach(async () => {
    key = `key-${keys++}`;
    mounts = await client.prepare(key, "", { labels: { "containerd.io/gc.root": "yes" } });
  });

  it("Apply on a disk that fills says which layer has no room, shows nothing, and works with a smaller one", async () => {
    await expect(apply("big", mounts)).rejects.toMatchObject(
      refused("ERR_RESOURCE_EXHAUSTED", digestOf("big"), "ENOSPC|no space"),
    );
    expect(readdirSync(treeOf(mounts))).toEqual([]);
    await agree();
    await apply("small", mounts);
    expect(readdirSync(treeOf(mounts))).toEqual(["etc"]);
  });

  it("ctr is told of the full disk when it unpacks, and nothing of the image stays", async () => {
    expect(() => containerd.ctr("images", "import", ...ofLaminate, pathOf("big.tar"))).toThrow(
      /no space left on device/,
    );
    await agree();
    containerd.ctr("images", "import", ...ofLaminate, pathOf("small.tar"));
    await agree();
  });

  it("a full disk refuses what needs room and says so, and what is removed makes room", async () => {
    fill();
    try {
      await expect(own.prepare("none", "")).rejects.toMatchObject(
        refused("ERR_RESOURCE_EXHAUSTED", 'cannot prepare snapshot "none"', "ENOSPC|is full"),
      );
      expect(() => containerd.ctr("snapshots", ...ofLaminate, "prepare", "none")).toThrow(/no space left|is full/);
      await expect(own.commit("none", await backendKey())).rejects.toMatchObject(
        refused("ERR_RESOURCE_EXHAUSTED", "is full"),
      );
      expect((await client.stat(key)).kind).toBe("active");
      expect(await client.mounts(key)).toEqual(mounts);
      await client.remove(key);
      await agree();
      expect(await namesOf(own)).not.toContain(key);
    } finally {
      rmSync(pathOf("root/filler"));
    }
    await client.prepare(key, "");
    await agree();
  });

  it("a disk that has turned read-only still shows what is on it, and all is well when it is repaired", async () => {
    const device = basename(execFileSync("findmnt", ["-no", "SOURCE", pathOf("root")], { encoding: "utf8" }).trim());
    writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, "1");
    const readOnly = refused("ERR_PERMISSION_DENIED", "read-only");
    try {
      await expect(own.prepare("none", "")).rejects.toMatchObject(readOnly);
      expect(() => containerd.ctr("snapshots", ...ofLaminate, "prepare", "none")).toThrow(/read-only/);
      await expect(own.commit("none", await backendKey())).rejects.toMatchObject(readOnly);
      await expect(own.remove(await backendKey())).rejects.toMatchObject(readOnly);
      await expect(apply("small", mounts)).rejects.toMatchObject(
        refused("ERR_PERMISSION_DENIED", digestOf("small"), "read-only"),
      );
      expect(await client.mounts(key)).toEqual(mounts);
      expect(await namesOf(client)).toEqual(await namesOf(own));
      expect(readdirSync(treeOf(mounts))).toEqual([]);

      await daemon.end();
      await expect(startDaemon()).rejects.toThrow(/cannot open store .*read-only/);
    } finally {
      await daemon[Symbol.asyncDispose]();
      execFileSync("umount", [pathOf("root")]);
      execFileSync("sh", ["-c", 'e2fsck -fy "$1" >/dev/null 2>&1 || test $? -le 1', "sh", pathOf("store")]);
      mountDisk("store", pathOf("root"), "loop,errors=remount-ro");
      daemon = await startDaemon();
    }
    await expect.poll(() => namesOf(client).catch(() => []), { timeout: 60_000 }).toContain(key);
    await agree();
    expect(daemon.log.filter(({ level }) => level === "warn")).toEqual([]);
    await apply("small", mounts);
  });

  describe("Apply of a blob", () => {
    const spoil = (bytes: Uint8Array) => () => {
      writeFileSync(blobOf("long"), bytes);
    };
    const { descriptor, bytes } = buildImage(image("long")).layers[0] ?? {
      descriptor: { digest: "" },
      bytes: Buffer.of(),
    };
    const other = Buffer.from(bytes);
    other.fill(0, 1024 * 1024, 1024 * 1024 + 4096);
    it.each<readonly [string, string, readonly string[], () => void]>([
      ["with other bytes", "ERR_DATA_LOSS", [sha256(other), "expected"], spoil(other)],
      ["that ends early", "ERR_DATA_LOSS", [`${bytes.length - 1} bytes`, "expected"], spoil(bytes.subarray(1))],
      [
        "that is a directory",
        "ERR_DATA_LOSS",
        ["is not a file"],
        () => {
          mkdirSync(blobOf("long"));
        },
      ],
      ["that is a fifo", "ERR_DATA_LOSS", ["is not a file"], () => execFileSync("mkfifo", [blobOf("long")])],
      ["that is gone", "ERR_NOT_FOUND", ["not found"], () => undefined],
      ["that the disk cannot read", "ERR_DATA_LOSS", ["EIO"], showUnreadable],
    ])("%s says what is wrong, and shows nothing", async (_, code, parts, damage) => {
      renameSync(blobOf("long"), pathOf("kept"));
      try {
        damage();
        await expect(apply("long", mounts)).rejects.toMatchObject(refused(code, descriptor.digest, ...parts));
      } finally {
        if (code !== "ERR_NOT_FOUND")
          execFileSync("sh", ["-c", 'umount "$1" 2>/dev/null; rm -rf "$1"', "sh", blobOf("long")]);
        renameSync(pathOf("kept"), blobOf("long"));
      }
      expect(readdirSync(treeOf(mounts))).toEqual([]);
      await agree();
    });

    it("that only containerd may read comes through its socket, and is proven all the same", async () => {
      const place = pathOf("ordinary");
      mkdirSync(place);
      execFileSync("chown", ["65534:65534", place]);
      chmodSync(folder, 0o755);
      chmodSync(containerd.address, 0o666);
      await using ordinary = await Daemon.start(place, { uid: 65534, words: ["--containerd", containerd.address] });
      expect(ordinary.pid).toBeGreaterThan(0);
      await using theirs = new SnapshotsClient(join(place, "laminate.sock"));
      using channel = new Channel(join(place, "laminate.sock"), { headers });
      const tree = await theirs.prepare("theirs", "");
      renameSync(blobOf("small"), pathOf("kept"));
      try {
        writeFileSync(blobOf("small"), Buffer.from(readFileSync(pathOf("kept"))).fill(0, 20, 24));
        await expect(apply("small", tree, channel)).rejects.toMatchObject(
          refused("ERR_DATA_LOSS", digestOf("small"), "expected"),
        );
        expect(readdirSync(treeOf(tree))).toEqual([]);
      } finally {
        renameSync(pathOf("kept"), blobOf("small"));
      }
      await apply("small", tree, channel);
      expect(readFileSync(join(treeOf(tree), "etc/said"), "utf8")).toBe("hello");
    });
  });

  /** A file whose second half has no disk behind it, in the blob's place. */
  function showUnreadable(): void {
    const disk = pathOf("holes-mounted");
    mkdirSync(disk);
    makeDisk("holes", disk, "loop", "-O", "^has_journal");
    writeFileSync(join(disk, "blob"), readFileSync(pathOf("kept")));
    execFileSync("umount", [disk]);
    mountDisk("holes", disk, "loop");
    execFileSync("truncate", ["-s", "16M", pathOf("holes")]);
    writeFileSync(blobOf("long"), "");
    execFileSync("mount", ["--bind", join(disk, "blob"), blobOf("long")]);
    execFileSync("umount", ["--lazy", disk]);
  }
});
