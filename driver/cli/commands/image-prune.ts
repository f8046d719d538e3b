import type { Command } from "../command.ts";
import { confirmed } from "../confirm.ts";
import { pruneFilter, pruneFilterOption } from "../prune-filter.ts";
import { imageLines, reclaimedLine } from "../pruning.ts";

export const command: Command = {
  arguments: "",
  options: [
    { flags: "-a, --all", description: "images with names too, if no container uses them" },
    pruneFilterOption,
    { flags: "-f, --force", description: "do not ask" },
  ],
  examples: ["laminate image prune", "laminate image prune -a -f", "laminate image prune -a --filter until=24h"],
  hasDocument: true,

  async run({ storage, signal, now }, _words, options) {
    const all = options.isOn("all");
    const isWanted = pruneFilter(options.list("filter"), now);
    const what = all ? "all images that no container uses" : "all images without a name";
    const which = isWanted === undefined ? "" : " that the filter wants";
    if (!options.isOn("force") && !(await confirmed(`Remove ${what}${which}?`, signal))) return {};
    const removed = await (await storage()).images.prune({ all, isWanted });
    return { document: removed, text: [...imageLines(removed), reclaimedLine(removed.reclaimedBytes)] };
  },
};
