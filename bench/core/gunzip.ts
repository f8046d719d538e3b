/** Decompressors on one large layer, each checking its CRC: ours, and node:zlib at several chunk sizes. */
import zlib from "node:zlib";
import { compileCore, createCore } from "../../driver/wasm/core.ts";
import { Gunzip, type GunzipOptions } from "../../driver/wasm/gunzip.ts";
import { type Contender, type Figure, measure } from "./measure.ts";

export const ours = "laminate, SIMD";
const streamChunks = [16, 64, 256, 1024, 4096];

function laminate(build: "simd" | "plain", gzip: Uint8Array, options: GunzipOptions): () => number {
  const core = createCore(compileCore(build));
  return () => {
    let bytes = 0;
    const stream = new Gunzip(
      core,
      (view) => {
        bytes += view.byteLength;
      },
      options,
    );
    stream.push(gzip);
    stream.end();
    return bytes;
  };
}

function zlibStream(gzip: Uint8Array, kibibytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = zlib.createGunzip({ chunkSize: kibibytes * 1024 });
    let bytes = 0;
    stream.on("data", (data: Buffer) => {
      bytes += data.byteLength;
    });
    stream.on("end", () => {
      resolve(bytes);
    });
    stream.on("error", reject);
    stream.end(gzip);
  });
}

export function isZlib({ name }: Figure): boolean {
  return name.startsWith("node:zlib");
}

export async function benchGunzip(gzip: Buffer): Promise<readonly Figure[]> {
  const bytes = laminate("simd", gzip, {})();
  const contenders: readonly Omit<Contender, "bytes">[] = [
    { name: ours, run: laminate("simd", gzip, {}) },
    { name: "laminate, SIMD, CRC in WebAssembly too", run: laminate("simd", gzip, { crcEngine: "wasm" }) },
    { name: "laminate, SIMD, no CRC", run: laminate("simd", gzip, { verifyCrc: false }) },
    { name: "laminate, plain", run: laminate("plain", gzip, {}) },
    ...streamChunks.map((kibibytes) => ({
      name: `node:zlib createGunzip, ${kibibytes} KiB chunks`,
      run: () => zlibStream(gzip, kibibytes),
    })),
    { name: "node:zlib gunzipSync", run: () => zlib.gunzipSync(gzip).byteLength },
  ];
  return measure(
    "gunzip",
    contenders.map((contender) => ({ ...contender, bytes })),
  );
}
