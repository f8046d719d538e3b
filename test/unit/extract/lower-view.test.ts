import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RelPath } from "../../../driver/base/path-bytes.ts";
import { LowerView } from "../../../driver/extract/lower-view.ts";
import type { LowerLayer } from "../../../driver/extract/staged-layer.ts";
import { AT_FDCWD } from "../../../driver/sys/constants.ts";
import { setxattrat } from "../../../driver/sys/linux.ts";

let root: string;
let layers: LowerLayer[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lower-"));
  layers = [];
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** On top of those before: names ending in "/" are directories, "a -> b" a symlink, others files. */
function layer(names: readonly string[], lists: { whiteouts?: string[]; opaques?: string[] } = {}): string {
  const dir = join(root, String(layers.length));
  mkdirSync(dir);
  for (const name of names) {
    const [path = "", target] = name.split(" -> ");
    mkdirSync(join(dir, path.endsWith("/") ? path : dirname(path)), { recursive: true });
    if (target !== undefined) symlinkSync(target, join(dir, path));
    else if (!path.endsWith("/")) writeFileSync(join(dir, path), dir);
  }
  layers.unshift({ dir, whiteouts: (lists.whiteouts ?? []) as RelPath[], opaques: (lists.opaques ?? []) as RelPath[] });
  return dir;
}

function look<T>(ask: (view: LowerView) => T): T {
  using view = new LowerView(layers);
  return ask(view);
}

/** The layer that a path is in, counted from the top; undefined where nothing shows. */
function layerOf(path: string): number | undefined {
  return look((view) => view.lookup(path as RelPath)?.layer);
}

function directory(path: string): string | undefined {
  return look((view) => view.resolveDirectory(path as RelPath));
}

describe("LowerView", () => {
  it("shows nothing at all without layers", () => {
    expect(layerOf("")).toBeUndefined();
    expect(layerOf("a")).toBeUndefined();
    expect(directory("")).toBeUndefined();
  });

  it("shows the topmost of what layers have, and merges directories only", () => {
    layer(["d/a", "d/b", "f/in", "g"]);
    layer(["d/b", "f", "g/in"]);
    layer(["d/c"]);
    expect(["d", "d/a", "d/b", "d/c", "f", "f/in", "g", "g/in"].map(layerOf)).toEqual([0, 2, 1, 0, 1, undefined, 1, 1]);
    expect(look((view) => view.list("d" as RelPath))).toEqual(["a", "b", "c"]);
    expect(look((view) => view.list("" as RelPath))).toEqual(["d", "f", "g"]);
  });

  it("lets nothing show through a file into a directory further down", () => {
    layer(["d/a"]);
    layer(["d"]);
    layer(["d/b"]);
    expect(["d", "d/a", "d/b"].map(layerOf)).toEqual([0, undefined, 0]);
  });

  it("takes whiteouts and opaque directories from lists", () => {
    layer(["d/a", "d/b", "o/a", "w/x"]);
    layer(["d/c", "o/b"], { whiteouts: ["d/a", "w"], opaques: ["o"] });
    layer(["d/e"]);
    expect(["d/a", "d/b", "o", "o/a", "o/b", "w", "w/x"].map(layerOf)).toEqual([
      undefined,
      2,
      1,
      undefined,
      1,
      undefined,
      undefined,
    ]);
    expect(look((view) => view.list("o" as RelPath))).toEqual(["b"]);
  });

  it("takes the opaque mark of the kind it is told to from the disk", () => {
    layer(["o/a"]);
    const dir = layer(["o/b", "x/b"]);
    setxattrat(AT_FDCWD, join(dir, "o"), "user.overlay.opaque", Buffer.from("y"));
    setxattrat(AT_FDCWD, join(dir, "x"), "user.overlay.opaque", Buffer.from("x"));
    expect(layerOf("o/a")).toBeUndefined();
    using trusted = new LowerView(layers, { overlayXattr: "trusted.overlay." });
    expect(trusted.lookup("o/a" as RelPath)?.layer).toBe(1);
  });

  it("follows symlinks of any layer inside the root, and only where asked", () => {
    layer([
      "usr/bin/x",
      "bin -> usr/bin",
      "abs -> /bin/../bin",
      "up -> ../../../usr",
      "loop -> loop",
      "dead -> no",
      "f",
    ]);
    layer(["usr/bin/link -> x", "to-f -> f"]);
    expect(layerOf("bin/x")).toBeUndefined();
    expect(["bin", "abs", "up/bin", "", "usr/bin/.."].map(directory)).toEqual([
      "usr/bin",
      "usr/bin",
      "usr/bin",
      "",
      "usr",
    ]);
    expect(["loop", "dead", "f", "to-f", "bin/x", "no/../usr"].map(directory)).toEqual(Array(6).fill(undefined));
    expect(look((view) => view.resolve("abs/x" as RelPath)?.path)).toBe("usr/bin/x");
    expect(look((view) => view.resolve("abs/link" as RelPath)?.path)).toBe("usr/bin/link");
    expect(look((view) => view.resolve("abs" as RelPath)?.path)).toBe("abs");
    expect(look((view) => view.resolve("dead/x" as RelPath))).toBeUndefined();
  });

  it("without hides paths and what is in directories, for the symlinks through them, too", () => {
    layer(["d/a/x", "d/b", "h/a/x", "s -> d/a", "t -> h/a", "u -> d"]);
    using view = new LowerView(layers);
    const left = view.without({ gone: new Set(["d/a"] as RelPath[]), hollow: new Set(["h"] as RelPath[]) });
    const shows = (path: string): boolean => left.lookup(path as RelPath) !== undefined;
    expect(["d", "d/a", "d/a/x", "d/b", "h", "h/a", "h/a/x"].map(shows)).toEqual([
      true,
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(["s", "t", "u"].map((path) => left.resolveDirectory(path as RelPath))).toEqual([undefined, undefined, "d"]);
    expect(view.lookup("d/a/x" as RelPath)).toBeDefined();
  });
});
