/**
 * Layers made to break out, each after an attack that some extractor has fallen to. A host tree next to the root holds
 * what they are after: it must be the same afterwards in every byte, mode, owner, time and attribute.
 */
import fc from "fast-check";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { chdir, cwd } from "node:process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isStorageError } from "../../driver/base/errors.ts";
import { LayerExtractor } from "../../driver/extract/layer-extractor.ts";
import { listxattrat } from "../../driver/sys/linux.ts";
import { AT_FDCWD } from "../../driver/sys/constants.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import { tar, type EntrySpec } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { readEntries } from "../suites/layer-model.ts";
import { extract, LayerStack, settleTar } from "../suites/layer-stack.ts";
import { describeTree, readTree } from "../suites/model-tree.ts";
import { dir, file, link, opaque, symlink, whiteout } from "../suites/shown.ts";

describe.skipIf(needRoot().missing)("hostile layers", () => {
  let stack: LayerStack;
  let host: string;
  let before: string[];

  beforeEach(() => {
    stack = new LayerStack();
    host = join(stack.dir, "host");
    mkdirSync(join(host, "etc"), { recursive: true });
    writeFileSync(join(host, "etc/shadow"), "secret", { mode: 0o600 });
    writeFileSync(join(host, "run"), "#!/bin/sh", { mode: 0o755 });
    symlinkSync("etc", join(host, "alias"));
    chmodSync(host, 0o750);
    before = describeTree(readTree(host));
  });
  afterEach(() => {
    stack[Symbol.dispose]();
  });

  /** Applies layers in both forms as far as they go. True when all were. */
  function attack(...layers: readonly (readonly EntrySpec[])[]): boolean {
    const tars = layers.map((layer) => tar(layer));
    let isApplied = true;
    for (const apply of [() => void stack.mount(stack.layOverlay(tars)), () => void stack.merge(tars)]) {
      try {
        apply();
      } catch (error) {
        if (!isStorageError(error) || error.code !== "ERR_INVALID_ARGUMENT") throw error;
        isApplied = false;
      }
    }
    expect(describeTree(readTree(host))).toEqual(before);
    return isApplied;
  }

  const up = "../../../../../../../../../../../../../..";

  it("1 writes through no symlink parent, absolute or relative, of this layer or the one below", () => {
    for (const target of [host, up + host, `/${up}${host}`]) {
      const links = [symlink("x", target), symlink("y", "x/etc")];
      const writes = [
        file("x/etc/shadow", "pwned"),
        file("y/passwd", "pwned"),
        dir("x/etc", { mode: 0o777, uid: 9, mtimeNs: 1n }),
        link("stolen", "run"),
        whiteout("x/run"),
        opaque("x/etc"),
      ];
      expect(attack([...links, file("run"), ...writes])).toBe(true);
      resetStack();
      expect(attack([...links, file("run")], writes)).toBe(true);
      resetStack();
    }
  });

  it("1 hides and copies nothing of the host through lower symlinks", () => {
    const lower = [symlink("x", host), symlink("d", join(host, "etc"))];
    expect(attack(lower, [whiteout("x/run"), whiteout("d/shadow"), opaque("x"), opaque("d")])).toBe(true);
    resetStack();
    expect(attack(lower, [link("stolen", "x/run")])).toBe(false);
    resetStack();
    expect(attack(lower, [file("x/f"), file("d/f")])).toBe(true);
    expect(readdirSync(join(stack.dir, "o1/fs/x"))).toEqual(["f"]);
    expect(statSync(join(stack.dir, "o1/fs/x")).mode & 0o777).toBe(0o755);
  });

  it("2 is not led out by chains of symlinks", () => {
    expect(
      attack([
        dir("a/b/c"),
        symlink("a/b/c/up", "../.."),
        symlink("a/b/escape", "c/up/../.."),
        file("a/b/escape/../pwn"),
      ]),
    ).toBe(true);
    resetStack();
    expect(
      attack([
        dir("a/b/c"),
        symlink("a/b/c/up", "../.."),
        symlink("a/b/escape", `c/up/../..${host}`),
        file("a/b/escape/run"),
      ]),
    ).toBe(true);
    resetStack();
    const component = "d".repeat(247);
    const steps: EntrySpec[] = [];
    let path = "";
    for (const letter of "abcdefghijklmnop") {
      steps.push(dir(`${path}${component}`), symlink(`${path}${letter}`, component));
      path += `${letter}/`;
    }
    const climb = "../".repeat(16);
    expect(
      attack([...steps, symlink(`${path}l`, climb), symlink("escape", `${path}l/../..${host}`), file("escape/run")]),
    ).toBe(true);
  });

  it("3 changes no mode, owner, time or attribute through links and symlinks", () => {
    const rest = { mode: 0o4777, uid: 77, mtimeNs: 1n, xattrs: { "user.x": "y" } };
    const layer = [
      symlink("s", join(host, "run"), rest),
      link("l", "s", rest),
      symlink("l", join(host, "run"), rest),
      file("s", "x", rest),
      symlink("s", join(host, "etc"), rest),
      dir("s", rest),
    ];
    expect(attack(layer)).toBe(true);
  });

  it("4 does not let an entry replace the root", () => {
    for (const path of [".", "./", "/", "a/.."]) {
      expect(attack([symlink(path, host), file("run", "pwned")])).toBe(false);
      resetStack();
      expect(attack([dir("a"), link(path, "a")])).toBe(false);
      resetStack();
    }
  });

  it("5 takes no sibling whose name starts like the root's for the root", () => {
    const sibling = join(stack.dir, "o0", "fs-evil");
    expect(attack([file("../fs-evil/x"), file("x")])).toBe(false);
    resetStack();
    expect(attack([symlink("s", "../fs-evil"), file("s/x"), symlink("t", sibling), file("t/y")])).toBe(true);
    expect(readdirSync(join(stack.dir, "o0"))).toEqual(["fs"]);
  });

  it("6 resolves links from the root, never from the working directory", () => {
    const old = cwd();
    chdir(host);
    try {
      expect(attack([link("x", "run")])).toBe(false);
      resetStack();
      expect(attack([link("x", "./etc/shadow")])).toBe(false);
    } finally {
      chdir(old);
    }
  });

  it("7 forgets what it knew of a directory once a symlink is there", () => {
    expect(attack([dir("d"), file("d/a"), symlink("d", host), file("d/run", "pwned"), file("d/etc/shadow")])).toBe(
      true,
    );
    resetStack();
    expect(attack([file("d/e/a"), symlink("d", host), file("d/e/b"), file("d/run")])).toBe(true);
    resetStack();
    expect(
      attack([dir("d/e"), symlink("s", "d"), file("s/e/a"), symlink("s", host), file("s/etc/shadow"), file("s/run")]),
    ).toBe(true);
    resetStack();
    expect(attack([dir("d", { mode: 0o777, uid: 5, mtimeNs: 1n }), file("d/x"), symlink("d", host)])).toBe(true);
    resetStack();
    expect(attack([dir("d/etc", { mode: 0o777, uid: 5, mtimeNs: 1n }), symlink("d", host)])).toBe(true);
  });

  it("8 is not led out when a directory is swapped for a symlink while it writes", () => {
    const root = join(stack.dir, "root");
    const swap = (): void => {
      rmSync(join(root, "d"), { recursive: true, force: true });
      symlinkSync(host, join(root, "d"));
    };
    for (const warm of [true, false]) {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root, { mode: 0o700 });
      const layer = [
        dir("d/etc", { mode: 0o777, uid: 7 }),
        ...(warm ? [file("d/etc/a"), file("d/b")] : []),
        file("d/run", "pwned"),
        file("d/etc/shadow", "pwned"),
      ];
      const extractor = new LayerExtractor(root, { privileges: detectPrivileges() });
      try {
        readEntries(tar(layer)).forEach(({ entry, data }, index) => {
          if (index === layer.length - 2) swap();
          extractor.entry(entry);
          if (data.length > 0) extractor.data(data);
          extractor.endOfEntry();
        });
        extractor.finish();
      } catch (error) {
        expect(isStorageError(error)).toBe(true);
      } finally {
        extractor.close();
      }
      expect(describeTree(readTree(host))).toEqual(before);
    }
  });

  it("12 refuses to lay deeper than a path can be, however symlinks multiply it", () => {
    const deep = Array.from({ length: 1000 }, () => "d").join("/");
    expect(attack([dir(deep), file(`${deep}/f`)])).toBe(true);
    resetStack();
    const layer = [dir(deep), symlink("s", deep), dir(`s/${deep}`), symlink("t", `s/${deep}`), file(`t/${deep}/f`)];
    expect(attack(layer)).toBe(false);
  });

  it("12 removes trees deeper than a path can be, and its own deep trees", () => {
    const deep = Array.from({ length: 1000 }, () => "d").join("/");
    expect(attack([dir("x/y"), file(`x/${deep}/f`), file("x")], [dir(`x/${deep}`), opaque("x")])).toBe(true);
  });

  it("19 leaves no descriptor and no temporary file, whether it works or fails", () => {
    const descriptors = readdirSync("/proc/self/fd").length;
    attack([file("f", "x"), dir("d")], [link("l", "f"), file("e/g"), whiteout("d")]);
    expect(readdirSync(join(stack.dir, "o1"))).toEqual(["fs"]);
    expect(readdirSync(join(stack.dir, "o1/fs")).sort()).toEqual(["d", "e", "l"]);
    for (const bad of [
      [file("f"), file("../x")],
      [dir("d"), link("l", "d")],
      [file("d/e/f", "x".repeat(5000)), symlink("s", "")],
    ]) {
      resetStack();
      expect(attack(bad)).toBe(false);
    }
    const extractor = new LayerExtractor(stack.dir, { privileges: detectPrivileges() });
    const [first] = readEntries(tar([file("half/written", "x")]));
    if (first !== undefined) extractor.entry(first.entry);
    extractor.close();
    extractor.close();
    expect(readdirSync("/proc/self/fd").length).toBe(descriptors);
  });

  it("20 lets no image set overlay's attributes", () => {
    const xattrs = Object.fromEntries(
      ["opaque", "redirect", "metacopy", "origin", "whiteout", "overlay.opaque"].flatMap((name) => [
        [`trusted.overlay.${name}`, "y"],
        [`user.overlay.${name}`, "y"],
      ]),
    );
    const root = join(stack.dir, "root");
    mkdirSync(root, { mode: 0o700 });
    const layer = tar([
      dir("./", { xattrs }),
      dir("d", { xattrs }),
      file("d/f", "x", { xattrs }),
      symlink("s", "d", { xattrs }),
    ]);
    const { warnings } = extract(root, layer);
    expect(warnings).toHaveLength(12);
    for (const path of ["", "d", "d/f", "s"]) expect(listxattrat(AT_FDCWD, join(root, path))).toEqual([]);
  });

  it("21 makes no whiteout device and links to none", () => {
    for (const type of ["char-device", "block-device"] as const) {
      expect(attack([file("f")], [{ path: "f", type }])).toBe(type === "block-device");
      resetStack();
    }
    expect(attack([file("d/f", "secret")], [whiteout("d/f")], [link("l", "d/f")])).toBe(false);
    resetStack();
    const [bottom, middle] = stack.layOverlay([tar([file("d/f", "secret")]), tar([whiteout("d/f")])]);
    const lowers = [middle, bottom].map((settled) => ({
      dir: join(settled?.layer.stagingDir ?? "", "fs"),
      whiteouts: [],
      opaques: [],
    }));
    expect(() => settleTar(join(stack.dir, "top"), tar([link("l", "d/f")]), lowers)).toThrow(/neither this layer/);
  });

  it("22 reads no fifo or device while copying a lower one", () => {
    const nodes = [
      { path: "p", type: "fifo" },
      { path: "zero", type: "char-device", devMajor: 1, devMinor: 5 },
    ] as const;
    expect(attack([...nodes], [link("a", "p"), link("b", "zero")])).toBe(true);
  });

  it("random layers full of ways out touch nothing outside", { timeout: 300_000 }, () => {
    const names = fc.constantFrom("a", "b", "c", "etc", "run");
    const paths = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    const outs = fc.oneof(
      paths,
      fc.constantFrom(
        host,
        join(host, "etc"),
        "/",
        "..",
        up,
        up + host,
        `a/${up}${host}`,
        "/proc/self/cwd",
        "/proc/self/root",
      ),
    );
    const entries: fc.Arbitrary<EntrySpec> = fc.oneof(
      paths.map((path) => file(path, "pwned", { mode: 0o777, uid: 9 })),
      paths.map((path) => dir(path, { mode: 0o777, uid: 9 })),
      fc.tuple(paths, outs).map(([path, target]) => symlink(path, target)),
      fc.tuple(paths, outs).map(([path, target]) => symlink(path, target)),
      fc.tuple(paths, paths).map(([path, target]) => link(path, target)),
      paths.map((path) => whiteout(path)),
      paths.map((path) => opaque(path)),
    );
    const layers = fc.array(fc.array(entries, { minLength: 2, maxLength: 10 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(layers, (stackOfLayers) => {
        resetStack();
        attack(...stackOfLayers);
      }),
      { numRuns: 150 },
    );
  });

  it("keeps reading what the host tree holds", () => {
    expect(readFileSync(join(host, "etc/shadow"), "utf8")).toBe("secret");
  });

  /** A new place for layers; the host tree stays. */
  function resetStack(): void {
    stack.clear(["host"]);
  }
});
