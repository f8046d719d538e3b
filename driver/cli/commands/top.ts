import { spawnSync } from "node:child_process";
import type { Command } from "../command.ts";

export const command: Command = {
  arguments: "<container> [ps-options...]",
  options: [],
  examples: ["laminate top web", "laminate top web -o pid,rss,args"],
  stopsAtFirstArgument: true,

  async run({ storage }, [container = "", ...words]) {
    const pids = new Set(await (await storage()).containers.processes(container));
    const { status, stdout, stderr, error } = spawnSync("ps", words.length === 0 ? ["-ef"] : words, {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (error !== undefined) throw new Error(`cannot list processes: ps: ${error.message}`);
    if (status !== 0) throw new Error(`cannot list processes: ps: ${stderr.trim().split("\n")[0] ?? ""}`);
    const [header = "", ...rows] = stdout.trimEnd().split("\n");
    const column = header.trim().split(/\s+/).indexOf("PID");
    if (column < 0) throw new Error("cannot list processes: the options of ps must show PID");
    return { text: [header, ...rows.filter((row) => pids.has(Number(row.trim().split(/\s+/)[column])))] };
  },
};
