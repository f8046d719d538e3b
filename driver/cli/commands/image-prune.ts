import type { Command } from "../command.ts";
import { confirmed } from "../confirm.ts";
import { familiarName, humanSize } from "../format.ts";

export const command: Command = {
  arguments: "",
  options: [
    { flags: "-a, --all", description: "images with names too, if no container uses them" },
    { flags: "-f, --force", description: "do not ask" },
  ],
  examples: ["laminate image prune", "laminate image prune -a -f"],
  hasDocument: true,

  async run({ storage, signal }, _words, options) {
    const all = options.isOn("all");
    const what = all ? "all images that no container uses" : "all images without a name";
    if (!options.isOn("force") && !(await confirmed(`Remove ${what}?`, signal))) return {};
    const removed = await (await storage()).images.prune({ all });
    const lines = [
      ...removed.untagged.map((name) => `untagged: ${familiarName(name)}`),
      ...removed.deleted.map((digest) => `deleted: ${digest}`),
    ];
    return {
      document: removed,
      text: [
        ...(lines.length === 0 ? [] : ["Deleted Images:", ...lines, ""]),
        `Total reclaimed space: ${humanSize(removed.reclaimedBytes)}`,
      ],
    };
  },
};
