/** What a layer of an overlay's upper directory says, rule by rule. */
import { linkSync, mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listChanges } from "../../driver/diff/list-changes.ts";
import { walkChanges } from "../../driver/diff/walk-changes.ts";
import { BlobWriter } from "../../driver/diff/blob-writer.ts";
import { packLayer } from "../../driver/diff/pack-layer.ts";
import { createHasher } from "../../driver/layer/digest-engine.ts";
import { AT_FDCWD, mknodat, setxattrat } from "../../driver/sys/linux.ts";
import { S_IFCHR, S_IFSOCK } from "../../driver/sys/constants.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import { createCore } from "../../driver/wasm/core.ts";
import { needRoot } from "../need.ts";
import { readEntries } from "../suites/layer-model.ts";
import { layerAt, pack, Scene } from "./diff-scene.ts";

let scene: Scene;
let lower: string;
let upper: string;

beforeEach(() => {
  scene = new Scene();
  lower = scene.make("lower");
  upper = scene.make("upper");
});

afterEach(() => {
  scene[Symbol.dispose]();
});

/** With roots that are alike. */
function kind(): { type: "overlay"; upperDir: string; lowers: ReturnType<typeof layerAt>[] } {
  for (const dir of [lower, upper]) utimesSync(dir, 1, 1);
  return { type: "overlay", upperDir: upper, lowers: [layerAt(lower)] };
}

async function packedPaths(): Promise<string[]> {
  return readEntries((await pack(kind())).tar).map(({ entry }) => entry.path);
}

function setXattr(path: string, name: string, value: string | Buffer): void {
  setxattrat(AT_FDCWD, path, name, Buffer.from(value));
}

describe.skipIf(needRoot().missing)("a layer of an upper directory", () => {
  it("has a whiteout only for what is below, before what else is there", async () => {
    writeFileSync(join(lower, "z"), "");
    for (const name of ["z", "never"]) mknodat(AT_FDCWD, join(upper, name), S_IFCHR, 0, 0);
    writeFileSync(join(upper, "a"), "");
    expect(await packedPaths()).toEqual([".wh.z", "a"]);
    expect(listChanges(kind())).toEqual([
      { kind: "A", path: "a" },
      { kind: "D", path: "z" },
    ]);
  });

  it("knows whiteouts in the form of attributes", async () => {
    mkdirSync(join(lower, "d"));
    writeFileSync(join(lower, "d/gone"), "below");
    writeFileSync(join(lower, "d/empty"), "below");
    mkdirSync(join(upper, "d"));
    setXattr(join(upper, "d"), "trusted.overlay.opaque", "x");
    for (const name of ["gone", "empty"]) writeFileSync(join(upper, "d", name), "");
    setXattr(join(upper, "d/gone"), "trusted.overlay.whiteout", "y");
    expect(await packedPaths()).toEqual(["d", "d/.wh.gone", "d/empty"]);
  });

  it("says of an opaque directory what is gone, and nothing where nothing was", async () => {
    mkdirSync(join(lower, "d"));
    for (const name of ["b", "c"]) writeFileSync(join(lower, "d", name), "");
    for (const name of ["d", "fresh"]) {
      mkdirSync(join(upper, name));
      setXattr(join(upper, name), "trusted.overlay.opaque", "y");
    }
    writeFileSync(join(upper, "d/c"), "new");
    expect(await packedPaths()).toEqual(["d", "d/.wh.b", "d/c", "fresh"]);
  });

  it("leaves out what was only copied up, and names the parents of what was changed", async () => {
    for (const dir of [lower, upper]) {
      mkdirSync(join(dir, "p/q"), { recursive: true });
      for (const name of ["same", "other"]) {
        writeFileSync(join(dir, "p/q", name), name === "same" ? "same" : dir.slice(-6));
        utimesSync(join(dir, "p/q", name), 5, 5);
      }
      for (const name of ["p/q", "p"]) utimesSync(join(dir, name), 7, 7);
    }
    expect(await packedPaths()).toEqual(["p", "p/q", "p/q/other"]);
    rmSync(join(upper, "p/q/other"));
    for (const name of ["p/q", "p"]) utimesSync(join(upper, name), 7, 7);
    expect(await packedPaths()).toEqual([]);
    expect(listChanges(kind())).toEqual([]);
  });

  it("makes a deletion of a socket that took the place of a file", async () => {
    writeFileSync(join(lower, "run"), "");
    for (const name of ["run", "new"]) mknodat(AT_FDCWD, join(upper, name), S_IFSOCK | 0o600);
    expect(await packedPaths()).toEqual([".wh.run"]);
  });

  it("keeps links, the first by path as the file, with the attributes on all of them", async () => {
    writeFileSync(join(upper, "m"), "x");
    linkSync(join(upper, "m"), join(upper, "a"));
    setXattr(join(upper, "m"), "user.k", "v");
    const entries = readEntries((await pack(kind())).tar).map(({ entry }) => entry);
    expect(entries.map(({ type, path, linkTarget }) => [type, path, linkTarget])).toEqual([
      ["file", "a", ""],
      ["hardlink", "m", "a"],
    ]);
    for (const { xattrs } of entries) expect(Buffer.from(xattrs.get("user.k") ?? []).toString()).toBe("v");
  });

  it("keeps user attributes and ACLs, drops overlay's and the host's", async () => {
    const file = join(upper, "f");
    writeFileSync(file, "");
    const acl = Buffer.from(
      "0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000400ffffffff",
      "hex",
    );
    setXattr(file, "system.posix_acl_access", acl);
    for (const name of ["user.keep", "user.overlay.x", "trusted.mine", "trusted.overlay.origin"])
      setXattr(file, name, "1");
    const [entry] = readEntries((await pack(kind())).tar);
    expect([...(entry?.entry.xattrs.keys() ?? [])].sort()).toEqual(["system.posix_acl_access", "user.keep"]);
  });

  it("leaves out an attribute without a value, loudly", async () => {
    writeFileSync(join(upper, "f"), "");
    setXattr(join(upper, "f"), "user.empty", "");
    const packed = await pack(kind());
    expect(packed.warnings).toEqual(['extended attribute "user.empty" of "f" is left out: it is empty']);
  });

  it.each(["redirect", "metacopy"])("is refused where overlay's %s points elsewhere", async (mark) => {
    const path = join(upper, "d");
    if (mark === "redirect") mkdirSync(path);
    else writeFileSync(path, "");
    setXattr(path, `trusted.overlay.${mark}`, "/elsewhere");
    await expect(pack(kind())).rejects.toMatchObject({
      code: "ERR_FAILED_PRECONDITION",
      message: expect.stringContaining(`"d": it has trusted.overlay.${mark}`) as string,
    });
  });

  it("stays whole when files shrink, grow and vanish while it is made", async () => {
    for (const name of ["grows", "shrinks", "vanishes"]) writeFileSync(join(upper, name), "x".repeat(3_000_000));
    const path = join(scene.dir, "blob");
    writeFileSync(path, "");
    let blocks = 0;
    await using blob = new BlobWriter(path, {
      compression: "none",
      threads: 1,
      createHasher: () => createHasher("native", createCore()),
      throwIfCanceled: () => {
        blocks++;
        if (blocks === 1) writeFileSync(join(upper, "grows"), "y".repeat(4_000_000));
        if (blocks === 4) truncateSync(join(upper, "shrinks"), 1_500_000);
        if (blocks === 5) rmSync(join(upper, "vanishes"));
      },
    });
    const packed = await packLayer(walkChanges(kind(), detectPrivileges()), blob, {
      overlayXattr: "trusted.overlay.",
      latestMtimeNs: null,
    });
    await blob.finish();
    const entries = readEntries(readFileSync(path));
    expect(entries.map(({ entry, data }) => [entry.path, data.length])).toEqual([
      ["grows", 3_000_000],
      ["shrinks", 3_000_000],
    ]);
    expect(packed.warnings).toEqual([
      '"grows" was written to while it was packed: it had 3000000 bytes, then 4000000',
      '"shrinks" was written to while it was packed: it had 3000000 bytes, then 1500000',
    ]);
  });
});
