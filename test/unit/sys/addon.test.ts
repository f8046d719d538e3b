import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { arch } from "node:process";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { addon, loadAddon } from "../../../driver/sys/addon.ts";
import { statFields } from "../../../driver/sys/stat.ts";
import { needPrograms } from "../../need.ts";
import { useScratch } from "./scratch.ts";

const scratch = useScratch();
const root = join(import.meta.dirname, "../../..");
const native = join(root, "driver/sys/native");
const files = ["x64", "arm64"].map((name) => join(root, `build/laminate-linux-${name}.node`)).filter(existsSync);

describe("loadAddon", () => {
  it("throws ERR_UNIMPLEMENTED with a remedy when the platform is another", () => {
    for (const [platform, processor] of [
      ["darwin", "arm64"],
      ["linux", "riscv64"],
    ] as const) {
      expect(() => loadAddon(platform, processor)).toThrow(
        expect.objectContaining({
          code: "ERR_UNIMPLEMENTED",
          message: expect.stringMatching(/^cannot run on .*: .*; run it on Linux x64 or arm64$/) as string,
        }) as Error,
      );
    }
  });

  it("throws ERR_FAILED_PRECONDITION with a remedy when the file is missing or no addon", () => {
    const thrown = expect.objectContaining({
      code: "ERR_FAILED_PRECONDITION",
      message: expect.stringContaining("npm run build:addon") as string,
    }) as Error;
    expect(() => loadAddon("linux", arch, scratch.path)).toThrow(thrown);
    writeFileSync(join(scratch.path, `laminate-linux-${arch}.node`), "not ELF");
    expect(() => loadAddon("linux", arch, scratch.path)).toThrow(thrown);
  });

  it("loads in threads as well as in the main one", async () => {
    const source = `const { parentPort } = require("node:worker_threads");
      parentPort.postMessage(require(${JSON.stringify(join(root, `build/laminate-linux-${arch}.node`))}).close(-1));`;
    for (let round = 0; round < 2; round++) {
      const worker = new Worker(source, { eval: true });
      expect(await new Promise((resolve) => worker.once("message", resolve))).toBe(-9);
      await worker.terminate();
    }
  });
});

describe("the built file", () => {
  it.skipIf(needPrograms("readelf").missing)("needs no library, no version of one, and only Node-API symbols", () => {
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const dynamic = spawnSync("readelf", ["-dW", file], { encoding: "utf8" }).stdout;
      expect(dynamic).toContain("Dynamic section");
      expect(dynamic).not.toMatch(/NEEDED|VERNEED|TEXTREL/);
      const symbols = spawnSync("readelf", ["--dyn-syms", "-W", file], { encoding: "utf8" }).stdout.split("\n");
      const undefinedNames = symbols.flatMap((line) => /\bUND (\S+)$/.exec(line.trim())?.[1] ?? []);
      expect(undefinedNames.length).toBeGreaterThan(5);
      expect(undefinedNames.filter((name) => !name.startsWith("napi_"))).toEqual([]);
      expect(spawnSync("readelf", ["-lW", file], { encoding: "utf8" }).stdout).toMatch(/GNU_STACK\s.*\sRW\s/);
    }
  });

  it("has the functions that addon.d.ts declares and no other", () => {
    const declared = readFileSync(join(native, "addon.d.ts"), "utf8").matchAll(/^ {2}(\w+)\(/gm);
    expect(Object.keys(addon).sort()).toEqual([...declared].map((match) => match[1]).sort());
  });

  it("fills as many numbers of a stat as stat.ts names", () => {
    const contract = readFileSync(join(native, "sys.h"), "utf8");
    expect(Number(/SYS_STAT_FIELDS = (\d+)/.exec(contract)?.[1])).toBe(statFields.length);
  });
});

describe("arguments", () => {
  const bytes = Buffer.from("0123456789");

  it("outside of an array give EINVAL and are not read", () => {
    for (const [offset, length] of [
      [0, 11],
      [11, 0],
      [5, 6],
      [-1, 1],
      [1, -1],
      [2 ** 53, 1],
      [0, 2 ** 53],
      [0.5, 1],
    ] as const) {
      expect(addon.write(-1, bytes, offset, length)).toBe(-22);
      expect(addon.pwrite(-1, bytes, offset, length, 0)).toBe(-22);
    }
    expect(addon.write(-1, bytes, 10, 0)).toBe(-9);
  });

  it("of a wrong type throw a TypeError", () => {
    const wrong = addon as unknown as Record<string, (...values: unknown[]) => unknown>;
    expect(() => wrong["close"]?.("1")).toThrow(TypeError);
    expect(() => wrong["close"]?.()).toThrow(TypeError);
    expect(() => wrong["openat"]?.(-100, null, 0, 0)).toThrow(TypeError);
    expect(() => wrong["openat"]?.(-100, new Uint16Array(2), 0, 0)).toThrow(TypeError);
    expect(() => wrong["write"]?.(1, [1, 2], 0, 2)).toThrow(TypeError);
    expect(() => wrong["statx"]?.(-100, "/", 0, new Float64Array(17))).toThrow(TypeError);
    expect(() => wrong["statx"]?.(-100, "/", 0, new Uint8Array(999))).toThrow(TypeError);
    expect(() => wrong["close"]?.(1n)).toThrow(TypeError);
  });

  it("that are detached arrays count as empty", () => {
    const array = new Uint8Array(8);
    structuredClone(array, { transfer: [array.buffer] });
    expect(addon.write(-1, array, 0, 0)).toBe(-9);
    expect(addon.write(-1, array, 0, 1)).toBe(-22);
  });
});
