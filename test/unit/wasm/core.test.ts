import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { compileCore, coreModule, createCore } from "../../../driver/wasm/core.ts";
import { createWasmSha256 } from "../../../driver/wasm/sha256.ts";
import { javascriptOf } from "../../javascript-driver.ts";

describe("coreModule", () => {
  it("is compiled once", () => {
    expect(coreModule().module).toBe(coreModule().module);
  });

  it.each([
    [undefined, true],
    ["1", true],
    ["0", false],
  ])("of a thread with LAMINATE_WASM_SIMD=%s has SIMD: %s", async (value, simd) => {
    const source = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData).then(({ createCore }) => parentPort.postMessage(createCore().simd));
    `;
    const { LAMINATE_WASM_SIMD: _, ...env } = process.env;
    const worker = new Worker(source, {
      eval: true,
      workerData: javascriptOf("wasm/core.ts"),
      env: value === undefined ? env : { ...env, LAMINATE_WASM_SIMD: value },
    });
    expect(await messageOf(worker)).toBe(simd);
  });

  it("goes to a worker, where an instance of it works", async () => {
    const source = `
      const { parentPort, workerData } = require("node:worker_threads");
      const { exports } = new WebAssembly.Instance(workerData.module);
      const memory = new Uint8Array(exports.memory.buffer);
      memory.set(Buffer.from("123456789"), exports.STAGE.value);
      parentPort.postMessage(exports.crc32(0, exports.STAGE.value, 9) >>> 0);
    `;
    const worker = new Worker(source, { eval: true, workerData: coreModule() });
    expect(await messageOf(worker)).toBe(0xcbf43926);
  });
});

describe("Core", () => {
  it("runs work in place on bytes of its own memory and in parts through the stage on others", () => {
    const core = createCore(compileCore("simd"));
    const { STAGE, STAGE_BYTES } = core.exports;
    const calls: (readonly [number, number])[] = [];
    const note = (address: number, length: number): void => {
      calls.push([address, length]);
    };
    core.withBytes(core.memory.subarray(5000, 5300), note);
    core.withBytes(new Uint8Array(STAGE_BYTES.value + 3), note);
    core.withBytes(new Uint8Array(0), note);
    expect(calls).toEqual([
      [5000, 300],
      [STAGE.value, STAGE_BYTES.value],
      [STAGE.value, 3],
    ]);
  });

  it("lends each state once, refuses one too many and lends again what came back", () => {
    const core = createCore(compileCore("simd"));
    const { STATES_BYTES, STATE_BYTES } = core.exports;
    const most = STATES_BYTES.value / STATE_BYTES.value;
    const states = Array.from({ length: most }, () => core.takeState());
    expect(new Set(states).size).toBe(most);
    expect(() => createWasmSha256(core)).toThrow(expect.objectContaining({ code: "ERR_RESOURCE_EXHAUSTED" }) as Error);
    core.releaseState(states[7] ?? 0);
    expect(core.takeState()).toBe(states[7]);
  });
});

function messageOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
}
