/** Layers, given as tars, put through extraction and settling as a store would, in the form of each backend. */
import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StorageError } from "../../driver/base/errors.ts";
import { LayerExtractor } from "../../driver/extract/layer-extractor.ts";
import { mergeSettled } from "../../driver/extract/merge-tree.ts";
import { writeOverlayMarks } from "../../driver/extract/overlay-marks.ts";
import { settleLayer } from "../../driver/extract/settle.ts";
import type {
  LayerNotes,
  LowerLayer,
  Redirect,
  SettledLayer,
  Usage,
  VerifiedLayer,
} from "../../driver/extract/staged-layer.ts";
import { MNT_DETACH, MS_RDONLY } from "../../driver/sys/constants.ts";
import { mount, umount2 } from "../../driver/sys/linux.ts";
import { detectPrivileges, type Privileges } from "../../driver/sys/privileges.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { TarReader } from "../../driver/tar/tar-reader.ts";
import { describeTree, readTree } from "./model-tree.ts";

export interface Extracted {
  readonly notes: LayerNotes;
  readonly usage: Usage;
  readonly warnings: readonly string[];
}

/** Extracts a tar into the existing empty directory `rootDir`, pushed in pieces of `pieceBytes`. */
export function extract(
  rootDir: string,
  tar: Uint8Array,
  options: { redirects?: readonly Redirect[]; privileges?: Privileges; pieceBytes?: number } = {},
): Extracted {
  const { redirects = [], privileges = detectPrivileges(), pieceBytes = tar.length } = options;
  const extractor = new LayerExtractor(rootDir, { privileges, redirects });
  try {
    const reader = new TarReader(extractor);
    for (let at = 0; at < tar.length; at += pieceBytes) reader.push(tar.subarray(at, at + pieceBytes));
    reader.end();
    return extractor.finish();
  } finally {
    extractor.close();
  }
}

export interface SettledResult {
  readonly settled: SettledLayer;
  readonly redirects: readonly Redirect[];
  readonly warnings: readonly string[];
}

/** Extracts and settles a layer in `stagingDir`, which is made, as often as its redirects need it. */
export function settleTar(
  stagingDir: string,
  tar: Uint8Array,
  lowers: readonly LowerLayer[],
  privileges: Privileges = detectPrivileges(),
): SettledResult {
  const redirects: Redirect[] = [];
  for (let round = 0; round < 40; round++) {
    removeTree(stagingDir);
    mkdirSync(stagingDir, { mode: 0o700 });
    mkdirSync(join(stagingDir, "fs"), { mode: 0o700 });
    const { notes, usage, warnings } = extract(join(stagingDir, "fs"), tar, { redirects, privileges });
    const diffId = `sha256:${"0".repeat(64)}`;
    const layer = { digest: diffId, diffId, stagingDir, notes, usage } as unknown as VerifiedLayer;
    const result = settleLayer(lowers, layer, privileges);
    if ("settled" in result) return { settled: result.settled, redirects, warnings };
    redirects.push(...result.redirects);
  }
  throw new StorageError("ERR_INTERNAL", "redirects do not converge");
}

/** How the layers below are seen while one is settled: with their marks on disk, or before any are written. */
export type Marks = "written" | "listed";

/** A directory for one test's layers; disposing it unmounts and removes all. */
export class LayerStack implements Disposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "layers-"));
  readonly #mounted: string[] = [];

  [Symbol.dispose](): void {
    this.clear([]);
    removeTree(this.dir);
  }

  /** Unmounts all and removes all but these names. */
  clear(kept: readonly string[]): void {
    for (const target of this.#mounted.splice(0)) umount2(target, MNT_DETACH);
    for (const name of readdirSync(this.dir)) if (!kept.includes(name)) removeTree(join(this.dir, name));
  }

  /** The layers as upper directories, lowest first. */
  layOverlay(tars: readonly Uint8Array[], marks: Marks = "written"): SettledLayer[] {
    const privileges = detectPrivileges();
    let lowers: readonly LowerLayer[] = [];
    const settled = tars.map((tar, index) => {
      const stagingDir = join(this.dir, `o${index}`);
      const layer = settleTar(stagingDir, tar, lowers).settled;
      const dir = join(stagingDir, "fs");
      if (marks === "written") {
        writeOverlayMarks(dir, layer.whiteouts, layer.opaques, privileges);
        lowers = [{ dir, whiteouts: [], opaques: [] }, ...lowers];
      } else {
        lowers = [{ dir, whiteouts: layer.whiteouts, opaques: layer.opaques }, ...lowers];
      }
      return layer;
    });
    if (marks === "listed") {
      for (const { layer, whiteouts, opaques } of settled) {
        writeOverlayMarks(join(layer.stagingDir, "fs"), whiteouts, opaques, privileges);
      }
    }
    return settled;
  }

  /** Mounts upper directories on each other, read-only. */
  mount(settled: readonly SettledLayer[]): string {
    const target = join(this.dir, `m${this.#mounted.length}`);
    const bottom = join(this.dir, "nothing");
    mkdirSync(target);
    mkdirSync(bottom, { recursive: true });
    const dirs = [...settled].reverse().map(({ layer }) => join(layer.stagingDir, "fs"));
    const data = `lowerdir=${[...dirs, bottom].join(":")},index=off,redirect_dir=off,metacopy=off`;
    mount("overlay", target, "overlay", MS_RDONLY, data);
    this.#mounted.push(target);
    return target;
  }

  /** The layers merged into one tree. */
  merge(tars: readonly Uint8Array[]): { dir: string; settled: SettledLayer[] } {
    const privileges = detectPrivileges();
    const dir = join(this.dir, "tree");
    mkdirSync(dir);
    const settled = tars.map((tar, index) => {
      const lowers = index === 0 ? [] : [{ dir, whiteouts: [], opaques: [] }];
      const layer = settleTar(join(this.dir, `c${index}`), tar, lowers).settled;
      mergeSettled(dir, layer, privileges);
      return layer;
    });
    return { dir, settled };
  }
}

/** What the layers show as an overlay mount. */
export function overlayLines(tars: readonly Uint8Array[], marks: Marks = "written"): string[] {
  using stack = new LayerStack();
  return describeTree(readTree(stack.mount(stack.layOverlay(tars, marks))));
}

/** What the layers show as one copied tree. */
export function copyLines(tars: readonly Uint8Array[]): string[] {
  using stack = new LayerStack();
  return describeTree(readTree(stack.merge(tars).dir));
}
