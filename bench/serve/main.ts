/**
 * `laminate serve` beside containerd's own overlayfs snapshotter and differ, on one file system, in one run:
 * `npm run bench:serve`, as root, after `npm run build`. Both are asked over unix sockets by the same client: overlayfs
 * through containerd, whose metadata come on top, laminate both ways. `--snapshots N` sets how many snapshots are listed
 * (10000), `--dir DIR` where all of it is.
 */
import { mkdtempSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Channel } from "../../driver/plugin/channel.ts";
import { Health } from "../../driver/plugin/gen/grpc/health/v1/health_pb.ts";
import { SnapshotsClient } from "../../driver/plugin/snapshots-client.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { corpus } from "../corpora/images.ts";
import { type ApplyFigures, measureApply } from "./apply.ts";
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
  const prepared: Record<string, SnapshotterFigures["calls"]> = {};
  for (const { name, address, snapshotter } of contenders) {
    await using client = new SnapshotsClient(address, { snapshotter, headers });
    using channel = new Channel(address);
    const nothing = (): Promise<unknown> => channel.unary(Health.method.check, { service: "" });
    const figures = await measureSnapshotter(client, nothing, `${name} `.replaceAll(" ", "-"), listed);
    print(name, figures);
    prepared[name] = figures.calls;
  }
  judge(prepared);
  const [blob = ""] = corpus("one-layer").blobs;
  printApply(await measureApply(blob, containerd.address, laminate.address, headers));
} finally {
  await containerd.stop();
  await laminate.stop();
  removeTree(folder);
}

function line(what: string, ...figures: readonly string[]): void {
  console.log(`  ${what.padEnd(28)}${figures.join("")}`);
}

function ms(value: number, unit = " ms"): string {
  return `${value.toFixed(2).padStart(9)}${unit}`;
}

function print(name: string, figures: SnapshotterFigures): void {
  console.log(`\n${name}`);
  for (const [what, { p50Ms, p99Ms }] of Object.entries(figures.calls))
    line(what, ms(p50Ms, " ms p50"), ms(p99Ms, " ms p99"));
  line("Prepare x 1000 on 10 levels", ms(figures.thousandMs));
  line(`List of ${listed}`, ms(figures.listMs));
}

/** What a plugin may cost: twice what overlayfs takes within containerd, and the way there and back. */
function judge(calls: Readonly<Record<string, SnapshotterFigures["calls"]>>): void {
  const own = calls["overlayfs in containerd"];
  if (own === undefined) return;
  const roundTripMs = own.nothing.p50Ms;
  const withinMs = own.Prepare.p50Ms - roundTripMs;
  const boundMs = 2 * withinMs + roundTripMs;
  console.log("\nPrepare, p50");
  line("overlayfs within containerd", ms(withinMs), `  (${own.Prepare.p50Ms.toFixed(2)} less a round trip)`);
  line("at most twice, and a trip", ms(boundMs));
  for (const name of ["laminate", "laminate through containerd"]) {
    const { Prepare, nothing } = calls[name] ?? own;
    // The bound has one way in it: the one from containerd to us.
    const tookMs = name === "laminate" ? Prepare.p50Ms : Prepare.p50Ms - nothing.p50Ms;
    line(name, ms(tookMs), tookMs <= boundMs ? "  holds" : "  does not hold");
  }
}

function printApply({ storedBytes, tarBytes, contenders }: ApplyFigures): void {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  console.log(`\nApply of a layer of ${megabytes(storedBytes)} MB, ${megabytes(tarBytes)} MB unpacked, in turn`);
  for (const [name, { minMs, p50Ms }] of Object.entries(contenders))
    line(name, ms(p50Ms, " ms p50"), ms(minMs, " ms best"));
}
