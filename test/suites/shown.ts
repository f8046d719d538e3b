/** What a stack of layers shows, once overlay, copy and model agree on it. */
import { expect } from "vitest";
import { tar, type Bytes, type EntrySpec } from "../fixtures/tar-builder.ts";
import { applyLayers, readEntries } from "./layer-model.ts";
import { copyLines, overlayLines } from "./layer-stack.ts";
import { describeTree } from "./model-tree.ts";

export function shown(...layers: readonly (readonly EntrySpec[])[]): string[] {
  return shownTars(...layers.map((layer) => tar(layer)));
}

export function shownTars(...tars: readonly Uint8Array[]): string[] {
  const lines = describeTree(applyLayers(tars.map(readEntries)));
  expect(copyLines(tars), "copy").toEqual(lines);
  expect(overlayLines(tars, "written"), "overlay").toEqual(lines);
  expect(overlayLines(tars, "listed"), "overlay of layers adopted together").toEqual(lines);
  return lines;
}

export const invalid: Error = expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }) as Error;

/** Both backends extract and settle alike: one is enough to see a layer refused. */
export function applying(...layers: readonly (readonly EntrySpec[])[]): () => string[] {
  return () => copyLines(layers.map((layer) => tar(layer)));
}

/** Lines without times and owners, and without the root: "path type mode payload". */
export function brief(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith(". ")).map((line) => line.replace(/ \d+:\d+ -?\d+/, ""));
}

export function dir(path: string, rest: Partial<EntrySpec> = {}): EntrySpec {
  return { path, type: "directory", ...rest };
}

export function file(path: string, data: Bytes = "", rest: Partial<EntrySpec> = {}): EntrySpec {
  return { path, data, ...rest };
}

export function symlink(path: string, linkTarget: string, rest: Partial<EntrySpec> = {}): EntrySpec {
  return { path, type: "symlink", linkTarget, ...rest };
}

export function link(path: string, linkTarget: string, rest: Partial<EntrySpec> = {}): EntrySpec {
  return { path, type: "hardlink", linkTarget, ...rest };
}

export function whiteout(path: string): EntrySpec {
  return { path: path.replace(/[^/]+$/, ".wh.$&") };
}

export function opaque(path: string): EntrySpec {
  return { path: path === "" ? ".wh..wh..opq" : `${path}/.wh..wh..opq` };
}
