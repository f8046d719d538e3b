import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { printable } from "../format.ts";

export const command: Command = {
  arguments: "<file> [name]",
  options: [
    {
      flags: "-c, --change <instruction>",
      description: "as for commit: CMD, ENV, WORKDIR and so on",
      repeatable: true,
    },
    { flags: "-m, --message <text>", description: "shown as COMMENT by history" },
    {
      flags: "--platform <platform>",
      description: "os/architecture[/variant] of the image; this machine's by default",
    },
  ],
  examples: [
    "laminate import rootfs.tar.gz base",
    "tar -C rootfs -c . | laminate import -c 'CMD sh' -m 'From my tree' - base:1",
    "laminate export web | laminate import - web-flat",
  ],
  hasDocument: true,

  async run({ storage, signal }, [file = "", reference], options) {
    if (/^https?:\/\//.test(file)) throw new UsageError("URLs are not read: fetch the file, and give it or a pipe");
    if (file === "-" && process.stdin.isTTY) {
      throw new UsageError("standard input is a terminal: give a file, or pipe one in");
    }
    const imported = await (
      await storage()
    ).import(file, {
      reference,
      message: options.text("message"),
      changes: options.list("change"),
      platform: options.text("platform"),
      signal,
    });
    for (const warning of imported.warnings) process.stderr.write(`WARNING: ${printable(warning)}\n`);
    return { document: imported, text: [imported.id] };
  },
};
