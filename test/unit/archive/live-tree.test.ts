/** Trees that somebody changes while they are read and written, and tars that mean no good. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyIn, copyOut } from "../../../driver/archive/copy.ts";
import { packTree } from "../../../driver/archive/pack-tree.ts";
import { openHostDirectory, RootedTree } from "../../../driver/archive/rooted-tree.ts";
import { TreeUnpacker } from "../../../driver/archive/unpack-tree.ts";
import type { RelPath } from "../../../driver/base/path-bytes.ts";
import { closeFd } from "../../../driver/sys/linux.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";
import { TarReader } from "../../../driver/tar/tar-reader.ts";
import { collectTar } from "../../fixtures/tar-collect.ts";
import { type EntrySpec, tar } from "../../fixtures/tar-builder.ts";

const privileges = detectPrivileges();
let folder = "";
let root = "";
let outside = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "laminate-archive-"));
  root = join(folder, "root");
  outside = join(folder, "outside");
  mkdirSync(root);
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "secret");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** As a container's root, in a stream of so many pieces. */
async function into(path: string, pieces: Iterable<Uint8Array> | Uint8Array): Promise<readonly string[]> {
  const fd = openHostDirectory(root);
  const stream = pieces instanceof Uint8Array ? [pieces] : pieces;
  try {
    return await copyIn(
      { name: "web", root: { fd, mounts: [], isReadonly: false }, privileges },
      Readable.from(stream),
      path,
      {},
    );
  } finally {
    closeFd(fd);
  }
}

async function outOf(path: string, target: string, mounts: { target: string; source: string }[] = []): Promise<void> {
  const fd = openHostDirectory(root);
  try {
    const placed = mounts.map((mount) => ({ ...mount, readonly: false }));
    await copyOut({ name: "web", root: { fd, mounts: placed, isReadonly: false }, privileges }, path, target, {});
  } finally {
    closeFd(fd);
  }
}

function untouched(): void {
  expect(readdirSync(outside)).toEqual(["secret"]);
  expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
  expect(statSync(join(outside, "secret")).mode & 0o7777).toBe(0o644);
}

describe("RootedTree", { timeout: 60_000 }, () => {
  const found = (path: string, followsLast = true): string => {
    using tree = new RootedTree(openHostDirectory(root));
    const result = tree.resolve(path, { followsLast });
    using held = result.kind === "directory" ? result.directory : result.parent;
    return `${result.kind} /${held.path}${result.kind === "directory" ? "" : `: ${result.name}`}`;
  };

  it("follows links from its own root, however they are written", () => {
    mkdirSync(join(root, "usr/lib"), { recursive: true });
    writeFileSync(join(root, "usr/lib/a"), "");
    symlinkSync("/usr/lib", join(root, "lib"));
    symlinkSync("../../../../usr/lib/a", join(root, "up"));
    symlinkSync(outside, join(root, "away"));
    symlinkSync("nowhere", join(root, "dangling"));
    expect(found("/lib/a")).toBe("other /usr/lib: a");
    expect(found("/lib")).toBe("directory /usr/lib");
    expect(found("/lib", false)).toBe("other /: lib");
    expect(found("/lib/..")).toBe("directory /usr");
    expect(found("/up")).toBe("other /usr/lib: a");
    expect(found("../../..")).toBe("directory /");
    expect(found("/dangling")).toBe("missing /: nowhere");
    expect(() => found("/away")).toThrow("no such file or directory");
  });

  it("gives up on links in a circle and on files in the way", () => {
    symlinkSync("b", join(root, "a"));
    symlinkSync("a", join(root, "b"));
    writeFileSync(join(root, "file"), "");
    expect(() => found("/a")).toThrow("too many symlinks");
    expect(() => found("/file/x")).toThrow('"file" is not a directory');
    expect(() => found(`/${"n".repeat(300)}`)).toThrow("no such file or directory");
  });

  it("leaves no descriptor open, whatever it finds", () => {
    symlinkSync("nowhere", join(root, "link"));
    writeFileSync(join(root, "file"), "");
    const tree = new RootedTree(openHostDirectory(root), [], { followsLinks: false });
    const before = readdirSync("/proc/self/fd").length;
    for (const path of ["link", "file/x", "none/x"]) {
      expect(() => tree.resolve(path, { followsLast: true })).toThrow();
    }
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    tree[Symbol.dispose]();
  });

  it("shows mounts in place of its own files, also through links", async () => {
    mkdirSync(join(root, "data"));
    symlinkSync("data", join(root, "link"));
    writeFileSync(join(root, "hosts"), "own");
    const target = join(folder, "copied");
    const mounts = [
      { target: "/link", source: outside },
      { target: "/hosts", source: join(outside, "secret") },
      { target: "/not/there", source: outside },
    ];
    await outOf("/.", target, mounts);
    expect(readFileSync(join(target, "data/secret"), "utf8")).toBe("secret");
    expect(readFileSync(join(target, "hosts"), "utf8")).toBe("secret");
  });
});

describe("a tar into a container", { timeout: 60_000 }, () => {
  const entries = (...list: EntrySpec[]): Buffer => tar(list);

  it("writes through links to where they lead in the container", async () => {
    symlinkSync(outside, join(root, "away"));
    symlinkSync("/etc", join(root, "conf"));
    mkdirSync(join(root, "etc"));
    await into("/", entries({ path: "away/new", data: "1" }, { path: "conf/new", data: "2" }));
    expect(readFileSync(join(root, outside, "new"), "utf8")).toBe("1");
    expect(readFileSync(join(root, "etc/new"), "utf8")).toBe("2");
    untouched();
  });

  it("replaces links and never writes to what they lead to", async () => {
    symlinkSync(join(outside, "secret"), join(root, "link"));
    linkSync(join(outside, "secret"), join(root, "hard"));
    await into("/", entries({ path: "link", data: "mine", mode: 0o777 }, { path: "hard", data: "mine", mode: 0o777 }));
    expect(readFileSync(join(root, "link"), "utf8")).toBe("mine");
    untouched();
  });

  it("is not led out by links of its own", async () => {
    await into(
      "/",
      entries(
        { path: "x", type: "symlink", linkTarget: outside },
        { path: "x/pwn", data: "in" },
        { path: "y", type: "symlink", linkTarget: "../../../../../.." },
        { path: "y/pwn", data: "in" },
      ),
    );
    expect(readFileSync(join(root, outside, "pwn"), "utf8")).toBe("in");
    expect(readFileSync(join(root, "pwn"), "utf8")).toBe("in");
    untouched();
  });

  it.each<[string, EntrySpec[]]>([
    ["a name that leads out", [{ path: "../pwn" }]],
    ["a hard link to a file outside", [{ path: "h", type: "hardlink", linkTarget: "../outside/secret" }]],
    ["a name too long for any file system", [{ path: "n".repeat(300) }]],
    ["a deletion in an overlay's words", [{ path: "dev", type: "char-device", devMajor: 0, devMinor: 0 }]],
    ["a file over a directory", [{ path: "dir", data: "1" }]],
    ["a directory over a file", [{ path: "dir/file/", type: "directory" }]],
    ["a directory over a link", [{ path: "link/", type: "directory" }]],
  ])("refuses %s, and leaves nothing half done", async (_what, list) => {
    mkdirSync(join(root, "dir"));
    writeFileSync(join(root, "dir/file"), "");
    symlinkSync("dir", join(root, "link"));
    await expect(into("/", entries({ path: "before", data: "1" }, ...list))).rejects.toThrow();
    expect(readdirSync(root).sort()).toEqual(["before", "dir", "link"]);
    untouched();
  });

  it("leaves nothing of a file whose tar is cut short, and no trace of itself", async () => {
    const whole = entries({ path: "whole", data: "1" }, { path: "cut", data: "x".repeat(5000) });
    await expect(into("/", whole.subarray(0, 3000))).rejects.toThrow();
    expect(readdirSync(root)).toEqual(["whole"]);
    await expect(into("/", Buffer.from("no tar at all".repeat(100)))).rejects.toThrow();
    await expect(into("/", Buffer.alloc(0))).rejects.toThrow("it is empty");
    expect(readdirSync(root)).toEqual(["whole"]);
  });

  it("stays inside when a directory becomes a link between two files", async () => {
    const first = tar(
      [
        { path: "dir/", type: "directory" },
        { path: "dir/one", data: "1" },
      ],
      { endBlocks: 0 },
    );
    function* pieces(): Generator<Uint8Array> {
      yield first;
      rmSync(join(root, "dir"), { recursive: true });
      symlinkSync(outside, join(root, "dir"));
      yield tar([
        { path: "dir/sub/two", data: "2" },
        { path: "dir/three", data: "3" },
      ]);
    }
    await into("/", pieces()).catch(() => undefined);
    untouched();
    expect(readdirSync(root).filter((name) => name.startsWith(".laminate"))).toEqual([]);
  });

  it("gives a directory that was swapped at the end no attributes", () => {
    const victim = join(root, "victim");
    mkdirSync(victim, { mode: 0o700 });
    const tree = new RootedTree(openHostDirectory(root));
    const unpacker = new TreeUnpacker({ tree, at: "" as RelPath, owner: "kept", privileges });
    const reader = new TarReader(unpacker);
    reader.push(tar([{ path: "dir/", type: "directory", mode: 0o777 }]));
    renameSync(join(root, "dir"), join(root, "moved"));
    renameSync(victim, join(root, "dir"));
    reader.end();
    unpacker.finish();
    unpacker[Symbol.dispose]();
    tree[Symbol.dispose]();
    expect(statSync(join(root, "dir")).mode & 0o7777).toBe(0o700);
  });
});

describe("files out of a container", { timeout: 60_000 }, () => {
  it("are packed whole while they change under the packer", () => {
    mkdirSync(join(root, "a"));
    writeFileSync(join(root, "a/big"), Buffer.alloc(600_000, "x"));
    mkdirSync(join(root, "b"));
    writeFileSync(join(root, "b/gone"), "");
    const tree = new RootedTree(openHostDirectory(root));
    const source = tree.resolve("", { followsLast: true });
    if (source.kind !== "directory") throw new Error("no directory");
    const warnings: string[] = [];
    const onWarning = (text: string) => warnings.push(text);
    const options = { name: "" as RelPath, tree, lends: false, standIn: null, onWarning };
    const parts: Uint8Array[] = [];
    for (const part of packTree(source, options)) {
      if (parts.length === 0) {
        // In the middle of a/big: it shrinks, and b becomes a way out.
        writeFileSync(join(root, "a/big"), "short");
        rmSync(join(root, "b"), { recursive: true });
        symlinkSync(outside, join(root, "b"));
      }
      parts.push(part);
    }
    source.directory[Symbol.dispose]();
    tree[Symbol.dispose]();
    const listed = collectTar(Buffer.concat(parts)).map(({ type, path, sizeBytes }) => `${type} ${path} ${sizeBytes}`);
    expect(listed).toEqual(["directory  0", "directory a 0", "file a/big 600000", "symlink b 0"]);
    expect(warnings).toEqual(['"a/big" has shrunk while it was read']);
  });

  it("never go through links that are at the target, and lose setuid with their owner", async () => {
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "d/secret"), "from the container", { mode: 0o644 });
    const target = join(folder, "target");
    mkdirSync(target);
    symlinkSync(outside, join(target, "d"));
    await expect(outOf("/d", target)).rejects.toThrow("cannot overwrite a non-directory with a directory");
    await outOf("/d/secret", join(target, "file"));
    expect(readFileSync(join(target, "file"), "utf8")).toBe("from the container");
    untouched();
    expect(readdirSync(target).sort()).toEqual(["d", "file"]);
  });

  it("do not take the place of a device", async () => {
    writeFileSync(join(root, "f"), "");
    await expect(outOf("/f", "/dev/null")).rejects.toThrow("it is a device, a pipe or a socket");
    expect(existsSync("/dev/null") && statSync("/dev/null").isCharacterDevice()).toBe(true);
  });
});
