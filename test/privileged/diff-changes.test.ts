/** Random writes in an overlay: the layer made of them shows what the mount showed, on both backends. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needRoot } from "../need.ts";
import { readTree } from "../suites/model-tree.ts";
import { age, histories, layerAt, linesOf, pack, play, Scene, type Step } from "./diff-scene.ts";

const runs = Number(process.env["LAMINATE_DIFF_RUNS"] ?? "25");
const seed = process.env["LAMINATE_DIFF_SEED"];

/** Which files lower layers have links of: overlay breaks them, so a tree that was copied before differs by that. */
function hasLinks(dir: string): boolean {
  const inodes = [...readTree(dir).values()].filter(({ type }) => type !== "directory");
  return new Set(inodes).size < inodes.length;
}

async function checkGeneration(scene: Scene, lowers: readonly string[], steps: readonly Step[]): Promise<string> {
  const upper = scene.make("upper");
  const merged = scene.overlay(lowers, upper);
  play(merged, steps);
  const expected = linesOf(merged);
  const after = scene.copy(merged);
  scene.unmount(merged);
  const before = scene.copy(scene.overlay(lowers));
  const overlay = await pack({ type: "overlay", upperDir: upper, lowers: lowers.map(layerAt) });
  const trees = await pack({ type: "trees", lowerDir: before, upperDir: after });
  expect(scene.appliedOverlay(lowers, overlay.tar)).toEqual(expected);
  expect(scene.appliedCopy(before, overlay.tar)).toEqual(expected);
  expect(scene.appliedOverlay(lowers, trees.tar)).toEqual(expected);
  expect(scene.appliedCopy(before, trees.tar)).toEqual(expected);
  if (!hasLinks(before)) expect(trees.tar.equals(overlay.tar)).toBe(true);
  expect(overlay.warnings).toEqual([]);
  return upper;
}

describe.skipIf(needRoot().missing)("random changes of a container", () => {
  it("become a layer that shows what the container showed, by either walk", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ([first = [], ...later]) => {
        using scene = new Scene();
        const lowers = [scene.make("base")];
        play(lowers[0] ?? "", first);
        age(lowers[0] ?? "");
        for (const steps of later) {
          const upper = await checkGeneration(scene, lowers, steps);
          age(upper);
          lowers.unshift(upper);
        }
      }),
      { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    );
  });
});
