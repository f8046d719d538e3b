/** Files in and out of containers, root file systems as tars, many layers as one, what differs: by the public door. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Storage } from "../../driver/index.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { backends, fingerprint, openTestStore, type TestStore } from "../fixtures/stores.ts";
import { collectTar } from "../fixtures/tar-collect.ts";
import { type EntrySpec, tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { makeRootfs } from "../privileged/container-rootfs.ts";

const isRoot = process.geteuid?.() === 0;
const base: readonly EntrySpec[] = [
  { path: "./", type: "directory" },
  { path: "etc/", type: "directory" },
  { path: "etc/passwd", data: "root:x:0:0\n", mtimeNs: 1_700_000_000_123_456_789n, mode: 0o640 },
  { path: "etc/alias", type: "hardlink", linkTarget: "etc/passwd" },
  { path: "conf", type: "symlink", linkTarget: "/etc" },
  { path: "old", data: "old" },
];

async function tarOf(write: (sink: PassThrough) => Promise<unknown>): Promise<Buffer> {
  const sink = new PassThrough();
  const [bytes] = await Promise.all([buffer(sink), write(sink)]);
  return bytes;
}

function lines(bytes: Uint8Array): string[] {
  return collectTar(bytes)
    .map(
      ({ type, path, linkTarget, sizeBytes, mode }) => `${type} ${path} ${linkTarget} ${sizeBytes} ${mode.toString(8)}`,
    )
    .sort();
}

describe.each(backends)("files on %s", { timeout: 120_000 }, (backend) => {
  let store: TestStore;
  let storage: Storage;
  let work = "";

  beforeAll(async () => {
    store = await openTestStore({ backend });
    ({ storage } = store);
    work = mkdtempSync(join(tmpdir(), "laminate-files-"));
    const file = join(work, "base.tar.gz");
    writeFileSync(file, gzipSync(tar(base)));
    await storage.import(file, { reference: "base:1", changes: ["CMD run it", "ENV A=1"], message: "Made by hand" });
    await storage.containers.create({ image: "base:1", name: "web" });
  });

  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    removeTree(work);
  });

  const into = (entries: readonly EntrySpec[], path: string, container = "web"): Promise<readonly string[]> =>
    storage.copyTo(container, Readable.from([tar(entries)]), path);

  it("import keeps the stored bytes, takes changes, and shows up as one line of history", async () => {
    const image = await storage.images.get("base:1");
    expect(image.config.config).toMatchObject({ Cmd: ["/bin/sh", "-c", "run it"], Env: ["A=1"] });
    expect(await storage.images.history("base:1")).toMatchObject([{ comment: "Made by hand", id: image.id }]);
    expect(image.manifest.layers[0]?.mediaType).toContain("gzip");
    const digest = image.manifest.layers[0]?.digest ?? "";
    const blob = readFileSync(join(store.root, "blobs", digest.replace(":", "/")));
    expect(blob.equals(readFileSync(join(work, "base.tar.gz")))).toBe(true);
  });

  it("import of the same files is the same layer however they are compressed", async () => {
    const file = join(work, "base.tar.zst");
    writeFileSync(file, zstdCompressSync(tar(base)));
    await storage.import(file, { reference: "zstd:1", platform: "linux/arm/v6" });
    const [one, other] = [await storage.images.get("base:1"), await storage.images.get("zstd:1")];
    expect(other.layers[0]?.chainId).toBe(one.layers[0]?.chainId);
    expect(other.manifest.layers[0]?.mediaType).toContain("zstd");
    expect(other.config).toMatchObject({ architecture: "arm", variant: "v6" });
  });

  it.each<[string, Buffer, string]>([
    ["is no tar", Buffer.from("no tar".repeat(200)), "ERR_INVALID_ARGUMENT"],
    ["is empty", Buffer.alloc(0), "ERR_INVALID_ARGUMENT"],
    ["is cut short", gzipSync(tar(base)).subarray(0, 150), "ERR_DATA_LOSS"],
    ["leads out", tar([{ path: "../x" }]), "ERR_INVALID_ARGUMENT"],
    ["is xz", Buffer.from("fd377a585a000004", "hex"), "ERR_UNIMPLEMENTED"],
  ])("import leaves nothing of what %s", async (_what, bytes, code) => {
    const file = join(work, "bad");
    writeFileSync(file, bytes);
    const before = await fingerprint(store);
    await expect(storage.import(file, { reference: "bad:1" })).rejects.toMatchObject({ code });
    await expect(storage.import(join(work, "absent"))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(storage.import(file, { changes: ["RUN x"] })).rejects.toThrow("RUN is not a valid change command");
    expect(await fingerprint(store)).toEqual(before);
  });

  it("import stops when it is told to, and leaves nothing", async () => {
    const before = await fingerprint(store);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(storage.import(join(work, "base.tar.gz"), { signal })).rejects.toThrow("enough");
    expect(await fingerprint(store)).toEqual(before);
  });

  it("cp follows Docker's rules for directories, names and links, both ways", async () => {
    const host = join(work, "host");
    mkdirSync(join(host, "sub"), { recursive: true });
    writeFileSync(join(host, "a"), "a", { mode: 0o755 });
    writeFileSync(join(host, "sub/b"), "b");
    symlinkSync("a", join(host, "link"));
    await storage.copyTo("web", join(host, "a"), "/new");
    await storage.copyTo("web", join(host, "a"), "etc");
    await storage.copyTo("web", join(host, "a"), "/conf/through");
    await storage.copyTo("web", host, "/tree");
    await storage.copyTo("web", host, "/tree");
    await storage.copyTo("web", `${host}/.`, "/etc");
    await storage.copyTo("web", join(host, "link"), "/link");
    await storage.copyTo("web", join(host, "link"), "/file", { followLink: true });
    expect((await storage.diff("web")).map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      ...["C /etc", "A /etc/a", "A /etc/link", "A /etc/sub", "A /etc/sub/b", "A /etc/through"],
      ...["A /file", "A /link", "A /new"],
      ...["A /tree", "A /tree/a", "A /tree/host", "A /tree/host/a", "A /tree/host/link", "A /tree/host/sub"],
      ...["A /tree/host/sub/b", "A /tree/link", "A /tree/sub", "A /tree/sub/b"],
    ]);
    const back = join(work, "back");
    await storage.copyFrom("web", "/tree/.", back);
    expect(readdirSync(back).sort()).toEqual(["a", "host", "link", "sub"]);
    expect(lstatSync(join(back, "link")).isSymbolicLink()).toBe(true);
    expect(statSync(join(back, "a")).mode & 0o777).toBe(0o755);
    await storage.copyFrom("web", "/etc/passwd", back);
    expect(statSync(join(back, "passwd"), { bigint: true }).mtimeNs).toBe(1_700_000_000_123_456_789n);
    await storage.copyFrom("web", "/conf", join(back, "asLink"));
    await storage.copyFrom("web", "/conf", join(back, "asTree"), { followLink: true });
    expect(lstatSync(join(back, "asLink")).isSymbolicLink()).toBe(true);
    expect(existsSync(join(back, "asTree/passwd"))).toBe(true);
    await expect(storage.copyFrom("web", "/nowhere", back)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(storage.copyFrom("web", "/new/", back)).rejects.toThrow("it is not a directory");
    await expect(storage.copyTo("web", join(host, "a"), "/none/")).rejects.toThrow("does not exist");
    await expect(storage.copyTo("web", join(host, "a"), "/none/a")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(storage.copyTo("web", host, "/new")).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
    await expect(storage.copyTo("nobody", host, "/")).rejects.toThrow("cannot find container nobody");
  });

  it("cp streams are tars, in and out, with hard links, owners and times", async () => {
    await storage.containers.create({ image: "base:1", name: "stream" });
    const owner = isRoot ? { uid: 1234, gid: 42 } : {};
    await into(
      [
        { path: "site/", type: "directory", mode: 0o750, ...owner, mtimeNs: 5_000_000_000n },
        { path: "site/index", data: "hello", mode: 0o4755, ...owner },
        { path: "site/again", type: "hardlink", linkTarget: "site/index" },
        { path: "implied/deep/file", data: "x" },
      ],
      "/etc/..",
      "stream",
    );
    const out = await tarOf((sink) => storage.copyFrom("stream", "/site", sink));
    expect(lines(out)).toEqual([
      "directory site  0 750",
      "file site/again  5 4755",
      "hardlink site/index site/again 0 4755",
    ]);
    const [directory] = collectTar(out);
    expect(directory).toMatchObject({ mtimeNs: 5_000_000_000n, ...owner });
    expect(lines(await tarOf((sink) => storage.copyFrom("stream", "/implied/.", sink)))).toEqual([
      "directory   0 755",
      "directory deep  0 755",
      "file deep/file  1 644",
    ]);
    await expect(into([], "/etc/passwd", "stream")).rejects.toThrow("a stream goes into a directory");
    await expect(into([], "/none", "stream")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await storage.containers.remove("stream");
  });

  it("export and import give the files back, in one layer", async () => {
    const exported = await tarOf((sink) => storage.export("web", sink));
    const file = join(work, "exported.tar");
    writeFileSync(file, exported);
    await storage.import(file, { reference: "again:1", changes: ["CMD x"] });
    expect(await storage.diff("web", "again:1")).toEqual([]);
    await storage.containers.create({ image: "again:1", name: "again" });
    expect(lines(await tarOf((sink) => storage.export("again", sink)))).toEqual(lines(exported));
    await storage.containers.remove("again");
  });

  it("diff compares containers, images and layers with one another", async () => {
    await storage.commit("web", { reference: "app:1", message: "App" });
    await storage.containers.create({ image: "app:1", name: "app" });
    await into(
      [
        { path: "old", data: "newer" },
        { path: "more", data: "1" },
      ],
      "/",
      "app",
    );
    await storage.commit("app", { reference: "app:2" });
    expect(await storage.diff("web", "app:1")).toEqual([]);
    const said = async (name: string, other?: string): Promise<string> =>
      (await storage.diff(name, other)).map(({ kind, path }) => `${kind} ${path}`).join(" ");
    expect(await said("app:1", "app:2")).toBe("A /more C /old");
    expect(await said("app:2", "app:1")).toBe("D /more C /old");
    expect(await said("app:2")).toBe("A /more C /old");
    expect(await said("app:1", "app")).toBe("A /more C /old");
    const { layers } = await storage.images.get("app:2");
    const [first, second, third] = layers.map(({ chainId, diffId }) => [chainId, diffId] as const);
    expect(await said(second?.[0] ?? "", third?.[0].slice(7, 23) ?? "")).toBe("A /more C /old");
    expect(await said(third?.[1] ?? "")).toBe("A /more C /old");
    expect(await said(first?.[0] ?? "", "base:1")).toBe("");
    await expect(storage.diff("base:1", "nothing")).rejects.toThrow("cannot find container, image or layer nothing");
  });

  it("flatten and commit --squash make one layer with the same files and config", async () => {
    const source = await storage.images.get("app:2");
    const flat = await storage.images.flatten("app:2", { reference: "flat:1" });
    const image = await storage.images.get("flat:1");
    expect(image.id).toBe(flat.id);
    expect(image.layers).toHaveLength(1);
    expect(image.config.config).toEqual(source.config.config);
    expect(await storage.images.history("flat:1")).toMatchObject([{ comment: "3 layers of app:2 flattened" }]);
    expect(await storage.diff("app:2", "flat:1")).toEqual([]);
    expect(await storage.diff("flat:1", "app:2")).toEqual([]);
    const twice = await storage.images.flatten("app:2", { reference: "flat:2" });
    expect((await storage.images.get(twice.id)).layers[0]?.chainId).toBe(image.layers[0]?.chainId);

    await into([{ path: "last", data: "1" }], "/", "app");
    await storage.commit("app", { reference: "squash:1", squash: true, message: "All in one", changes: ["ENV B=2"] });
    const squashed = await storage.images.get("squash:1");
    expect(squashed.layers).toHaveLength(1);
    expect(squashed.config.config?.Env).toEqual(["A=1", "B=2"]);
    expect(await storage.diff("app", "squash:1")).toEqual([]);
    expect(await storage.images.history("squash:1")).toMatchObject([{ comment: "All in one" }]);
    await storage.containers.create({ image: "squash:1", name: "squashed" });
    expect(await storage.diff("squashed")).toEqual([]);
    await storage.containers.remove("squashed");
  });

  it("prune spares the images that its conditions do not want", async () => {
    await storage.import(join(work, "base.tar.gz"), { reference: "keep:1", changes: ["LABEL keep=yes", "ENV K=1"] });
    const isWanted = ({ labels }: { labels: Readonly<Record<string, string>> }): boolean => !("keep" in labels);
    await storage.images.prune({ all: true, isWanted });
    const left = (await storage.images.list()).flatMap(({ names }) => names);
    expect(left).toContain("docker.io/library/keep:1");
    expect(left).not.toContain("docker.io/library/flat:1");
    expect(left).toContain("docker.io/library/app:1");
  });
});

describe.skipIf(needAll(needRoot(), needPrograms("runc")).missing).each(backends)(
  "a running container on %s",
  (backend) => {
    it("has its files copied, exported and committed while it writes them", { timeout: 120_000 }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "laminate-running-"));
      await using store = await openTestStore({ backend });
      const { storage } = store;
      const files = join(folder, "files");
      makeRootfs(files);
      for (const name of ["dev", "proc", "sys", "data", "busy"]) mkdirSync(join(files, name), { recursive: true });
      execFileSync("tar", ["-C", files, "--owner=0", "--group=0", "-cf", join(folder, "base.tar"), "."]);
      await storage.import(join(folder, "base.tar"), { reference: "base:1" });
      mkdirSync(join(folder, "volume"));
      const script = "i=0; while :; do i=$((i+1)); echo $i > /busy/$((i % 50)); sleep 0.2; done";
      const { id } = await storage.containers.create({
        image: "base:1",
        name: "busy",
        command: ["sh", "-c", script],
        host: { mounts: [{ type: "bind", source: join(folder, "volume"), target: "/data", readonly: false }] },
      });
      await storage.containers.start(id);
      try {
        writeFileSync(join(folder, "in"), "in");
        await storage.copyTo("busy", join(folder, "in"), "/data");
        await storage.copyTo("busy", join(folder, "in"), "/busy/in");
        expect(readFileSync(join(folder, "volume/in"), "utf8")).toBe("in");
        await storage.copyFrom("busy", "/busy/in", join(folder, "out"));
        expect(readFileSync(join(folder, "out"), "utf8")).toBe("in");
        const hosts = await tarOf((sink) => storage.copyFrom("busy", "/etc/hosts", sink));
        expect(collectTar(hosts)[0]?.sizeBytes).toBeGreaterThan(0);
        const exported = collectTar(await tarOf((sink) => storage.export("busy", sink))).map(({ path }) => path);
        expect(exported).toContain("busy/in");
        expect(exported).not.toContain("data/in");
        for (const pause of [true, false]) {
          const { id: image } = await storage.commit("busy", { pause });
          await storage.containers.create({ image, name: `of-${String(pause)}` });
          const copied = await tarOf((sink) => storage.copyFrom(`of-${String(pause)}`, "/busy/in", sink));
          expect(collectTar(copied)[0]?.sizeBytes).toBe(2);
        }
        expect((await storage.containers.get("busy")).status).toBe("running");
      } finally {
        await storage.containers.remove("busy", { force: true });
        removeTree(folder);
      }
    });
  },
);
