import type { Command } from "../command.ts";
import { printable } from "../format.ts";

export const command: Command = {
  arguments: "<image> [name]",
  options: [
    { flags: "-m, --message <text>", description: "shown as COMMENT by history; says what was flattened by default" },
    {
      flags: "--compression <name>",
      description: "of the layer: gzip (default), zstd or none",
      choices: ["gzip", "zstd", "none"],
    },
    { flags: "-q, --quiet", description: "say nothing but the image's ID" },
  ],
  examples: [
    "laminate image flatten sample-app sample-app:flat",
    "laminate image flatten --compression zstd debian:12",
  ],
  hasDocument: true,

  async run({ storage, signal }, [image = "", reference], options) {
    const { images } = await storage();
    const flattened = await images.flatten(image, {
      reference,
      message: options.text("message"),
      compression: options.text("compression") as "gzip" | "zstd" | "none" | undefined,
      signal,
    });
    if (!options.isOn("quiet")) {
      for (const warning of flattened.warnings) process.stderr.write(`laminate: ${printable(warning)}\n`);
    }
    return { document: flattened, text: [flattened.id] };
  },
};
