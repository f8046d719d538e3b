/**
 * The WebAssembly core beside its peers, on one large layer, in one process: `npm run bench:core`. Figures are MB/s of
 * uncompressed bytes, medians; what counts are the ratios. Exits with 1 when a target is missed.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { createCore } from "../../driver/wasm/core.ts";
import { Gunzip } from "../../driver/wasm/gunzip.ts";
import { benchGunzip, isZlib, ours } from "./gunzip.ts";
import { benchLayer } from "./layer.ts";
import { fastest, figureNamed, printTable, printTarget } from "./report.ts";
import { benchSha256, fourStreams, hashWasm, oneStream } from "./sha256.ts";

const hashedBytes = 32 * 1024 * 1024;

/** The first bytes of the layer's tar, and the length of all of it. */
function uncompressed(gzip: Buffer): { head: Buffer; sizeBytes: number } {
  const head = Buffer.alloc(hashedBytes);
  let sizeBytes = 0;
  const stream = new Gunzip(createCore(), (view) => {
    if (sizeBytes < hashedBytes) head.set(view.subarray(0, hashedBytes - sizeBytes), sizeBytes);
    sizeBytes += view.byteLength;
  });
  stream.push(gzip);
  stream.end();
  return { head, sizeBytes };
}

const { path, gzip } = benchLayer();
const { head, sizeBytes } = uncompressed(gzip);
const cpu = cpus()[0]?.model ?? "unknown processor";
console.log(`node ${process.version}, ${availableParallelism()} x ${cpu}`);
console.log(`${path}: ${(gzip.byteLength / 1e6).toFixed(1)} MB, ${(sizeBytes / 1e6).toFixed(1)} MB of tar`);

const [load = 0] = loadavg();
if (load > 1) console.log(`others use this machine (load ${load.toFixed(1)}): only figures per CPU second mean much`);

const gunzip = await benchGunzip(gzip);
const bestZlib = fastest(gunzip.filter(isZlib));
printTable("gunzip, CRC checked", gunzip, bestZlib);

const sha256 = await benchSha256(head);
const peer = figureNamed(sha256, hashWasm);
printTable(`SHA-256, ${hashedBytes / 1024 / 1024} MiB`, sha256, peer);

console.log("\ntargets");
const met = [
  printTarget("gunzip", figureNamed(gunzip, ours), bestZlib, 1.2),
  printTarget("SHA-256, one stream", figureNamed(sha256, oneStream), peer, 1.1),
  printTarget("SHA-256, four streams", figureNamed(sha256, fourStreams), peer, 1.7),
];
if (met.includes(false)) process.exitCode = 1;
