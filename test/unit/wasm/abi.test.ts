import { describe, expect, it } from "vitest";
import { abi } from "../../../driver/wasm/abi.ts";
import { compileCore, createCore } from "../../../driver/wasm/core.ts";

describe.each(["simd", "plain"] as const)("core module (%s)", (build) => {
  const { module } = compileCore(build);

  it("exports exactly what abi lists", () => {
    const exported = WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]);
    expect(Object.fromEntries(exported)).toEqual(abi);
  });

  it("imports nothing", () => {
    expect(WebAssembly.Module.imports(module)).toEqual([]);
  });

  it("keeps its buffers apart and inside its memory", () => {
    const { exports, memory } = createCore({ module, simd: build === "simd" });
    const buffers = [
      [exports.INPUT.value, exports.INPUT_BYTES.value],
      [exports.STAGE.value, exports.STAGE_BYTES.value],
      [exports.STATES.value, exports.STATES_BYTES.value],
      [exports.TAR_INPUT.value, exports.TAR_INPUT_BYTES.value],
    ].sort(([a = 0], [b = 0]) => a - b);
    let end = 1;
    for (const [start = 0, length = 0] of buffers) {
      expect(start).toBeGreaterThanOrEqual(end);
      end = start + length;
    }
    expect(end).toBeLessThanOrEqual(memory.byteLength);
  });
});
