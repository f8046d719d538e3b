/** A real containerd with `laminate serve` as its proxy snapshotter, driven by ctr as its users do. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { Containerd } from "../fixtures/containerd.ts";
import { DockerRegistry } from "../fixtures/docker-registry.ts";
import { Daemon } from "../fixtures/daemon.ts";
import { buildOciArchive } from "../fixtures/image-builder.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { makeRootfs } from "../privileged/container-rootfs.ts";

const need = needAll(needRoot(), needPrograms("containerd", "ctr", "runc", "tar", "docker-registry"));
const image = "docker.io/library/demo:1";
/** runc knows containers of all containerds. */
const own = (id: string): string => `${id}-${process.pid}-${Date.now()}`;
const stays = own("stays");
const plugin = (folder: string) =>
  `[proxy_plugins.laminate]\n  type = "snapshot"\n  address = "${join(folder, "laminate.sock")}"\n`;

describe.skipIf(need.missing)("containerd on laminate", () => {
  let folder: string;
  let daemon: Daemon;
  let containerd: Containerd;
  let archive: string;

  const ctr = (...words: readonly string[]): string => containerd.ctr(...words);
  const snapshots = (...words: readonly string[]): string => ctr("snapshots", "--snapshotter", "laminate", ...words);
  const names = (): readonly string[] =>
    snapshots("ls")
      .split("\n")
      .slice(1)
      .map((line) => line.split(/\s+/)[0] ?? "")
      .filter((name) => name !== "");
  const tryNames = (): readonly string[] | undefined => {
    try {
      return names();
    } catch {
      return undefined;
    }
  };
  const directories = (): readonly string[] =>
    readdirSync(join(folder, "root/snapshots")).filter((name) => /^[0-9]+$/.test(name));
  const runDemo = (id: string, ...words: readonly string[]): string =>
    ctr("run", "--rm", "--snapshotter", "laminate", image, own(id), ...words);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "containerd-"));
    daemon = await Daemon.start(folder);
    containerd = await Containerd.start(join(folder, "containerd"), plugin(folder));
    archive = join(folder, "demo.tar");
    writeFileSync(archive, await demoArchive(folder));
    ctr("images", "import", "--snapshotter", "laminate", archive);
  });
  afterAll(async () => {
    await containerd[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    removeTree(folder);
  });

  it("unpacks an image and runs it", () => {
    const kinds = snapshots("ls");
    expect(kinds.match(/Committed/g)).toHaveLength(3);
    expect(runDemo("hello", "sh", "-c", "cat /etc/motd; ls /srv; echo changed >/etc/motd; cat /etc/motd")).toBe(
      "upper\nkept\nchanged\n",
    );
    expect(names()).toHaveLength(3);
  });

  it("shows, compares, commits and removes snapshots", () => {
    const top = names().find((name) => !snapshots("ls").includes(` ${name} `)) ?? "";
    const mounts = snapshots("prepare", "work", top);
    expect(mounts).toBe("");
    const upper = /upperdir=([^,\s]+)/.exec(snapshots("mounts", "/target", "work"))?.[1] ?? "";
    writeFileSync(join(upper, "new"), "new\n");

    const diff = execFileSync("tar", ["-tz"], {
      input: execFileSync("ctr", [
        ...["--address", containerd.address, "--namespace", "test"],
        ...["snapshots", "--snapshotter", "laminate", "diff", "work"],
      ]),
      encoding: "utf8",
    });
    expect(diff).toBe("new\n");

    snapshots("commit", "kept", "work");
    expect(snapshots("tree")).toContain("kept");
    expect(snapshots("usage", "kept")).toMatch(/^KEY +SIZE +INODES\s*\nkept +\S.* 2/m);
    snapshots("view", "look", "kept");
    expect(snapshots("mounts", "/target", "look")).toMatch(/-t overlay .*lowerdir=/);
    expect(() => snapshots("rm", "kept")).toThrow(/cannot remove|failed precondition/);
    snapshots("rm", "look");
    snapshots("rm", "kept");
    expect(names()).toHaveLength(3);
  });

  it("mounts an image and unmounts it", () => {
    const target = join(folder, "mounted");
    mkdirSync(target);
    ctr("images", "mount", "--snapshotter", "laminate", image, target);
    try {
      expect(readFileSync(join(target, "etc/motd"), "utf8")).toBe("upper\n");
    } finally {
      ctr("images", "unmount", "--rm", "--snapshotter", "laminate", target);
    }
    expect(names()).toHaveLength(3);
  });

  it("goes on with the daemon killed and started again under a running container", async () => {
    ctr("run", "--detach", "--snapshotter", "laminate", image, stays, "sleep", "600");
    try {
      await daemon.end("SIGKILL");
      expect(() => names()).toThrow();
      daemon = await Daemon.start(folder);
      // containerd tries again every few seconds.
      await expect.poll(tryNames, { timeout: 60_000 }).toHaveLength(4);
      expect(ctr("tasks", "exec", "--exec-id", "e", stays, "cat", "/etc/motd")).toBe("upper\n");
    } finally {
      ctr("tasks", "kill", "--signal", "SIGKILL", stays);
      ctr("tasks", "rm", "--force", stays);
      ctr("containers", "rm", stays);
    }
    expect(names()).toHaveLength(3);
  });

  it("has nothing left when the image is gone and containerd has collected its garbage", async () => {
    ctr("images", "export", join(folder, "again.tar"), image);
    ctr("images", "rm", "--sync", image);
    expect(names()).toEqual([]);
    await expect.poll(directories, { timeout: 30_000 }).toEqual([]);

    ctr("images", "import", "--snapshotter", "laminate", join(folder, "again.tar"));
    expect(runDemo("again", "cat", "/etc/motd")).toBe("upper\n");
  });

  it("pulls an image from a registry and runs it", async () => {
    await using registry = await DockerRegistry.start(join(folder, "registry"));
    const pulled = `${registry.host}/demo:1`;
    ctr("images", "tag", image, pulled);
    ctr("images", "push", "--plain-http", pulled);
    ctr("images", "rm", "--sync", image, pulled);
    ctr("content", "prune", "references");
    expect(names()).toEqual([]);

    ctr("images", "pull", "--plain-http", "--snapshotter", "laminate", pulled);
    expect(names()).toHaveLength(3);
    const words = ["run", "--rm", "--snapshotter", "laminate", pulled, own("pulled"), "cat", "/etc/motd"];
    expect(ctr(...words)).toBe("upper\n");
  });
});

async function demoArchive(folder: string): Promise<Buffer> {
  const root = join(folder, "demo-root");
  mkdirSync(root);
  makeRootfs(root);
  const base = execFileSync("tar", ["-C", root, "-c", "."], { maxBuffer: 1024 ** 3 });
  removeTree(root);
  const file = (path: string, data = "") => ({ path, data });
  const middle = tar([file("etc/motd", "lower\n"), { path: "srv/", type: "directory" }, file("srv/dropped")]);
  const top = tar([file("etc/motd", "upper\n"), file("srv/.wh.dropped"), file("srv/kept")]);
  const layers = [base, middle, top].map((bytes) => ({ tar: bytes }));
  return buildOciArchive([{ layers, names: [image], config: { Cmd: ["sh"] } }]);
}
