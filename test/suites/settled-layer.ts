/** Settled layers made by hand, where a test is about snapshots and not about layers. */
import { join } from "node:path";
import type { RelPath } from "../../driver/base/path-bytes.ts";
import type { SettledLayer, VerifiedLayer } from "../../driver/extract/staged-layer.ts";
import type { Snapshotter, StagingDirectory } from "../../driver/snapshot/snapshotter.ts";
import type { Change } from "./file-changes.ts";

export interface HandMade {
  readonly staged: StagingDirectory;
  readonly settled: SettledLayer;
}

export interface Deletions {
  readonly whiteouts?: readonly string[];
  readonly opaques?: readonly string[];
}

const digest = `sha256:${"0".repeat(64)}`;

/** A layer with the entries that `change` makes; parents of `deletions` are the caller's to make. */
export async function handMadeLayer(
  snapshotter: Snapshotter,
  change: Change,
  { whiteouts = [], opaques = [] }: Deletions = {},
): Promise<HandMade> {
  const staged = await snapshotter.stage();
  change(join(staged.path, "fs"));
  const usage = { inodes: 3, sizeBytes: 12_288 };
  const notes = { whiteouts: [], opaques: [], replaced: [], implied: [], lowerLinks: [] };
  // The brand that layer/ gives after verifying: here there is nothing to verify.
  const layer = { digest, diffId: digest, stagingDir: staged.path, notes, usage } as unknown as VerifiedLayer;
  const asPaths = (paths: readonly string[]) => paths as readonly RelPath[];
  return { staged, settled: { layer, whiteouts: asPaths(whiteouts), opaques: asPaths(opaques), usage } };
}
