/**
 * `laminate serve` beside containerd's own overlayfs snapshotter, on one file system, in one run: `npm run bench:serve`,
 * as root. Both are asked over unix sockets by the same client: overlayfs through containerd, whose metadata come on
 * top, laminate both ways. `--snapshots N` sets how many snapshots are listed (10000), `--dir DIR` where all of it is.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadavg } from "node:os";
import { SnapshotsClient } from "../../driver/plugin/snapshots-client.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { measureSnapshotter, type SnapshotterFigures } from "./measure.ts";
import { startContainerd, startLaminate } from "./servers.ts";

const { values } = parseArgs({
  options: { snapshots: { type: "string", default: "10000" }, dir: { type: "string", default: tmpdir() } },
});
const listed = Number(values.snapshots);
const folder = mkdtempSync(join(values.dir, "bench-serve-"));
const headers = { "containerd-namespace": "bench" };

const laminate = await startLaminate(folder);
const containerd = await startContainerd(folder, laminate.address);
try {
  const [load = 0] = loadavg();
  if (load > 1) console.log(`others use this machine (load ${load.toFixed(1)}): compare only what is in this run`);
  const contenders = [
    { name: "overlayfs in containerd", address: containerd.address, snapshotter: "overlayfs" },
    { name: "laminate through containerd", address: containerd.address, snapshotter: "laminate" },
    { name: "laminate", address: laminate.address, snapshotter: "laminate" },
  ];
  for (const { name, address, snapshotter } of contenders) {
    await using client = new SnapshotsClient(address, { snapshotter, headers });
    print(name, await measureSnapshotter(client, `${name} `.replaceAll(" ", "-"), listed));
  }
} finally {
  await containerd.stop();
  await laminate.stop();
  removeTree(folder);
}

function print(name: string, figures: SnapshotterFigures): void {
  console.log(`\n${name}`);
  for (const [what, { p50Ms, p99Ms }] of Object.entries(figures.calls)) {
    console.log(`  ${what.padEnd(28)}${p50Ms.toFixed(2).padStart(9)} ms p50${p99Ms.toFixed(2).padStart(9)} ms p99`);
  }
  console.log(`  ${"Prepare x 1000 on 10 levels".padEnd(28)}${figures.thousandMs.toFixed(0).padStart(9)} ms`);
  console.log(`  ${`List of ${listed}`.padEnd(28)}${figures.listMs.toFixed(0).padStart(9)} ms`);
}
