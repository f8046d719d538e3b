/** A real Debian root, packed by other people's tools, loaded by ours, compared with what umoci makes of it. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { debianRoot } from "../fixtures/debian-root.ts";
import { type FixtureCompression, writeOciLayout } from "../fixtures/image-builder.ts";
import { openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { describeTree, readTree } from "../suites/model-tree.ts";

const need = needAll(needRoot(), needPrograms("mmdebstrap", "skopeo", "podman", "umoci"));

/** Version 2 of the attribute, cap_net_raw=ep, as linux/capability.h lays it out. */
const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** What Debian's minimal root does not have: set bits, attributes, devices, links, times before 1970, odd names. */
const special = tar([
  { path: "usr/local/setuid", data: "x", mode: 0o6755, uid: 1000, gid: 2_000_000_000 },
  { path: "usr/local/ping", data: "y", mode: 0o755, xattrs: { "security.capability": capability } },
  { path: "usr/local/noted", data: "z", xattrs: { "user.note": Buffer.from("a\0b\nc=d") } },
  { path: "usr/local/linked", type: "hardlink", linkTarget: "usr/local/noted" },
  { path: "usr/local/old", data: "o", mtimeNs: -1_234_567_891n },
  { path: "usr/local/exact", data: "e", mtimeNs: 1_700_000_000_123_456_789n },
  { path: "usr/local/fifo", type: "fifo", mode: 0o600 },
  { path: "usr/local/char", type: "char-device", devMajor: 1, devMinor: 3, mode: 0o666 },
  { path: "usr/local/block", type: "block-device", devMajor: 7, devMinor: 300, mode: 0o660 },
  { path: Buffer.from("usr/local/\xe9\xff", "latin1"), data: "bytes" },
  { path: `usr/local/${"long".repeat(50)}`, data: "l" },
  { path: "usr/local/away", type: "symlink", linkTarget: "/nowhere/../at all" },
]);
const removing = tar([
  { path: "usr/share/.wh.doc", data: "" },
  { path: "etc/apt/", type: "directory", mode: 0o700 },
  { path: "etc/apt/.wh..wh..opq", data: "" },
  { path: "etc/apt/only", data: "only" },
  { path: "usr/local/.wh.old", data: "" },
]);

let folder: string;
let root: Buffer;

describe.skipIf(need.missing)("a Debian root", { timeout: 600_000 }, () => {
  beforeAll(async () => {
    // podman reads a path as a repository name, which is in lower case.
    folder = join(tmpdir(), `laminate-debian-${process.pid}`);
    await mkdir(folder);
    root = await readFile(debianRoot());
  }, 600_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function layout(name: string, ...compressions: readonly FixtureCompression[]): Promise<string> {
    const layers = [root, special, removing].map((bytes, at) => ({
      tar: bytes,
      compression: compressions[at] ?? "gzip",
    }));
    return writeOciLayout(join(folder, name), [{ names: ["test"], layers }]);
  }

  it("load of gzip, zstd and plain layers gives the tree that umoci unpacks, on both backends", async () => {
    const gzipped = await layout("gzipped");
    execFileSync("umoci", ["unpack", "--image", `${gzipped}:test`, join(folder, "bundle")], { stdio: "ignore" });
    const theirs = describeTree(readTree(join(folder, "bundle", "rootfs")));
    expect(theirs.length).toBeGreaterThan(5000);

    const mixed = await layout("mixed", "gzip", "zstd", "none");
    for (const backend of ["overlay", "copy"] as const) {
      await using store = await openTestStore({ backend, root: join(folder, `store-${backend}`) });
      await store.storage.load(`oci:${mixed}:test`);
      const [image] = await store.storage.images.list();
      const reference = image?.id ?? "";
      const ours = describeTree(readTree(await store.storage.mountImage(reference)));
      await store.storage.unmountImage(reference);
      expect(ours).toEqual(theirs);
    }
  });

  it("docker-archives written by skopeo and by podman load and run, and pass on the program's status", async () => {
    const source = await layout("source");
    const bySkopeo = join(folder, "skopeo.tar");
    execFileSync("skopeo", ["copy", "--quiet", `oci:${source}:test`, `docker-archive:${bySkopeo}:debian:skopeo`]);
    const byPodman = join(folder, "podman.tar");
    const podman = ["--root", join(folder, "podman"), "--runroot", join(folder, "podman-run")];
    const pulled = execFileSync("podman", [...podman, "pull", "--quiet", `oci:${source}:test`], { encoding: "utf8" });
    execFileSync("podman", [...podman, "tag", pulled.trim(), "debian:podman"]);
    execFileSync("podman", [...podman, "save", "--quiet", "-o", byPodman, "debian:podman"]);
    execFileSync("podman", [...podman, "rmi", "--force", pulled.trim()], { stdio: "ignore" });

    const laminate = (...args: readonly string[]): ReturnType<typeof spawnSync> =>
      spawnSync(process.execPath, [javascriptOf("cli/main.ts"), "--root", join(folder, "cli"), ...args], {
        encoding: "utf8",
      });
    for (const [file, name] of [
      [bySkopeo, "docker.io/library/debian:skopeo"],
      [byPodman, "localhost/debian:podman"],
    ] as const) {
      expect(laminate("load", "-i", file)).toMatchObject({ status: 0 });
      expect(laminate("run", "--rm", name, "cat", "/etc/os-release")).toMatchObject({
        status: 0,
        stdout: expect.stringContaining("VERSION_CODENAME=bookworm") as string,
      });
      expect(laminate("run", "--rm", name, "sh", "-c", "exit 7")).toMatchObject({ status: 7 });
    }
  });
});
