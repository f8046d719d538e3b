/**
 * A process that makes, commits, adopts and removes snapshots until it is done or killed.
 * Arguments: root, backend, rounds, seed. Names overlap with those of other children on purpose.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isStorageError } from "../../../driver/base/errors.ts";
import { openStore } from "../../suites/open-store.ts";
import { handMadeLayer } from "../../suites/settled-layer.ts";

const [root = "", backend = "", rounds = "", seed = ""] = process.argv.slice(2);
const expected = [
  "ERR_NOT_FOUND",
  "ERR_ALREADY_EXISTS",
  "ERR_FAILED_PRECONDITION",
  "ERR_ABORTED",
  "ERR_INVALID_ARGUMENT",
];

let state = Number(seed);
/** A linear congruential generator: the same seed, the same actions. */
function random(below: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
}

function fill(dir: string): void {
  for (let n = 0; n < 5; n++) {
    mkdirSync(join(dir, `d${n}`), { recursive: true });
    writeFileSync(join(dir, `d${n}`, `f${random(3)}`), "x".repeat(random(5000)));
  }
}

async function main(): Promise<void> {
  const { snapshotter } = await openStore(root, backend === "overlay" ? "overlay" : "copy");
  const actions: readonly (() => Promise<unknown>)[] = [
    () => snapshotter.prepare(`key-${random(4)}`, random(2) === 0 ? "" : `name-${random(4)}`),
    () => snapshotter.commit(`name-${random(4)}`, `key-${random(4)}`),
    () => snapshotter.commit(`name-${random(4)}`, `key-${random(4)}`),
    () => snapshotter.remove(`key-${random(4)}`),
    () => snapshotter.remove(`name-${random(4)}`),
    () => snapshotter.cleanup(),
    async () => {
      await using staged = await snapshotter.stage();
      fill(join(staged.path, "fs"));
    },
    async () => {
      const parent = random(2) === 0 ? "" : `name-${random(4)}`;
      const { staged, settled } = await handMadeLayer(snapshotter, fill, { whiteouts: ["d0/gone"], opaques: ["d1"] });
      try {
        await snapshotter.adopt([{ name: `name-${random(4)}`, parent, settled }]);
      } finally {
        await staged[Symbol.asyncDispose]();
      }
    },
  ];
  process.stdout.write("started\n");
  for (let round = 0; round < Number(rounds); round++) {
    try {
      await actions[random(actions.length)]?.();
    } catch (error) {
      if (!isStorageError(error) || !expected.includes(error.code)) throw error;
    }
  }
}

await main();
