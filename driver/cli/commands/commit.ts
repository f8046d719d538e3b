import { writeFile } from "node:fs/promises";
import type { Command } from "../command.ts";
import { printable } from "../format.ts";

export const command: Command = {
  arguments: "<container> [name]",
  options: [
    { flags: "-m, --message <text>", description: "shown as COMMENT by history" },
    { flags: "-a, --author <text>", description: 'such as "Ada Lovelace <ada@example.org>"' },
    {
      flags: "-c, --change <instruction>",
      description: "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR",
      repeatable: true,
    },
    { flags: "-p, --pause", description: "stop the container while its files are copied", onByDefault: true },
    {
      flags: "--compression <name>",
      description: "of the layer: gzip (default), zstd or none",
      choices: ["gzip", "zstd", "none"],
    },
    { flags: "-s, --squash", description: "one layer with all files, instead of the image's layers and one more" },
    { flags: "-q, --quiet", description: "say nothing but the image's ID" },
    { flags: "--iidfile <file>", description: "write the image's ID to a file" },
  ],
  examples: [
    'laminate commit -m "Add node" base-container node-base',
    'laminate container commit -c "CMD node app.js" -m "Add app" app-container sample-app',
    'laminate commit --squash -m "One layer" web web-flat',
    `laminate commit -c 'ENTRYPOINT ["node", "app.js"]' -c "ENV PORT=80 MODE=fast" -c "EXPOSE 80" web`,
  ],
  hasDocument: true,

  async run({ storage, signal }, [container = "", reference], options) {
    const compression = options.text("compression") as "gzip" | "zstd" | "none" | undefined;
    const committed = await (
      await storage()
    ).commit(container, {
      reference,
      message: options.text("message"),
      author: options.text("author"),
      changes: options.list("change"),
      pause: options.isOn("pause"),
      compression,
      squash: options.isOn("squash"),
      signal,
    });
    if (!options.isOn("quiet")) {
      for (const warning of committed.warnings) process.stderr.write(`laminate: ${printable(warning)}\n`);
    }
    const file = options.text("iidfile");
    if (file !== undefined) await writeFile(file, committed.id);
    return { document: committed, text: [committed.id] };
  },
};
