/** SHA-256 of the same bytes by the core, one stream and four, by node:crypto and by hash-wasm. */
import { createHash } from "node:crypto";
import { createSHA256 } from "hash-wasm";
import { compileCore, createCore } from "../../driver/wasm/core.ts";
import { type FourOf, createWasmSha256, createWasmSha256x4 } from "../../driver/wasm/sha256.ts";
import { type Figure, measure } from "./measure.ts";

export const oneStream = "laminate, SIMD, one stream";
export const fourStreams = "laminate, SIMD, four streams together";
export const hashWasm = "hash-wasm";

/** `bytes` in four parts, each a stream of its own for the lanes. */
function quarters(bytes: Uint8Array): FourOf<Uint8Array> {
  const length = Math.floor(bytes.byteLength / 4);
  const part = (at: number): Uint8Array => bytes.subarray(at * length, (at + 1) * length);
  return [part(0), part(1), part(2), part(3)];
}

export async function benchSha256(bytes: Uint8Array): Promise<readonly Figure[]> {
  const simd = createCore(compileCore("simd"));
  const plain = createCore(compileCore("plain"));
  const other = await createSHA256();
  const parts = quarters(bytes);
  const one = (core: typeof simd) => (): string => {
    const hasher = createWasmSha256(core);
    hasher.update(bytes);
    return hasher.digest();
  };
  const four = (): FourOf<string> => {
    const hasher = createWasmSha256x4(simd);
    hasher.update(parts);
    return hasher.digests();
  };
  const viaHashWasm = (): string => other.init().update(bytes).digest();
  const viaNode = (): string => createHash("sha256").update(bytes).digest("hex");
  if (one(simd)() !== `sha256:${viaNode()}` || viaHashWasm() !== viaNode()) throw new Error("digests differ");
  const contenders = [
    { name: oneStream, run: one(simd) },
    { name: fourStreams, run: four },
    { name: "laminate, plain, one stream", run: one(plain) },
    { name: hashWasm, run: viaHashWasm },
    { name: "node:crypto", run: viaNode },
  ];
  return measure(
    "sha256",
    contenders.map((contender) => ({ ...contender, bytes: bytes.byteLength })),
  );
}
