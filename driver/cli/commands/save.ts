import { createWriteStream } from "node:fs";
import type { SaveFormat } from "../../index.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { writeWhole } from "../write-whole.ts";

export const command: Command = {
  arguments: "<image...>",
  options: [
    { flags: "-o, --output <file>", description: "a file, or for oci-dir a folder; standard output by default" },
    {
      flags: "--format <name>",
      description: "docker-archive (default; an OCI archive as well), oci-archive or oci-dir",
      choices: ["docker-archive", "oci-archive", "oci-dir"],
    },
  ],
  examples: [
    "laminate save -o debian.tar debian:12",
    "laminate save node-base | podman load",
    "laminate save --format oci-dir -o ./images debian:12 node-base",
  ],

  async run({ storage, signal }, images, options) {
    const format = options.text("format") as SaveFormat | undefined;
    const output = options.text("output");
    if (output === undefined && (format === "oci-dir" || process.stdout.isTTY)) {
      throw new UsageError(
        format === "oci-dir" ? "oci-dir needs a folder: give -o" : "standard output is a terminal: give -o, or a pipe",
      );
    }
    const opened = await storage();
    if (output === undefined) {
      await opened.save(images, process.stdout, { format, signal });
    } else if (format === "oci-dir") {
      await opened.save(images, output, { signal });
    } else {
      await writeWhole(output, (part) => opened.save(images, createWriteStream(part), { format, signal }));
    }
    return {};
  },
};
