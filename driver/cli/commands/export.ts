import { createWriteStream } from "node:fs";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { printable } from "../format.ts";
import { writeWhole } from "../write-whole.ts";

export const command: Command = {
  arguments: "<container>",
  options: [{ flags: "-o, --output <file>", description: "instead of standard output" }],
  examples: [
    "laminate export -o web.tar web",
    "laminate export web | tar -t",
    "laminate container export web | laminate import - web-flat",
  ],

  async run({ storage, signal }, [container = ""], options) {
    const output = options.text("output");
    if (output === undefined && process.stdout.isTTY) {
      throw new UsageError("standard output is a terminal: give -o, or a pipe");
    }
    const opened = await storage();
    let warnings: readonly string[] = [];
    if (output === undefined) {
      warnings = await opened.export(container, process.stdout, { signal });
    } else {
      await writeWhole(output, async (part) => {
        warnings = await opened.export(container, createWriteStream(part), { signal });
      });
    }
    for (const warning of warnings) process.stderr.write(`laminate: ${printable(warning)}\n`);
    return {};
  },
};
