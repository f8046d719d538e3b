import type { Command } from "../command.ts";
import { printable } from "../format.ts";

export const command: Command = {
  arguments: "",
  options: [],
  examples: ["laminate info", "laminate info --json"],
  hasDocument: true,

  async run({ storage }) {
    const info = await (await storage()).info();
    const { runtime } = info;
    const kernel = Object.entries(info.kernel).map(([name, value]) => `  ${name}: ${String(value)}`);
    const text = [
      `Version: ${info.version}`,
      `Root: ${info.root}`,
      `State: ${info.state}`,
      `Backend: ${info.backend} (${info.backendReason})`,
      `Digest engine: ${info.digestEngine} (${info.digestReason})`,
      `WebAssembly SIMD: ${info.wasmSimd ? "yes" : "no"}`,
      `Runtime: ${runtime === null ? "built-in (chroot)" : `${runtime.name} (${runtime.path})`}`,
      "Kernel:",
      ...kernel,
      `Images: ${info.images}`,
      `Containers: ${info.containers}`,
      `Snapshots: ${info.snapshots}`,
    ];
    return {
      document: info,
      text: text.map((line) => `${line.startsWith("  ") ? "  " : ""}${printable(line.trimStart())}`),
    };
  },
};
