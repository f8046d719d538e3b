import type { Command } from "../command.ts";
import { confirmed } from "../confirm.ts";
import { pruneFilter, pruneFilterOption } from "../prune-filter.ts";
import { containerLines, pruneContainers, reclaimedLine } from "../pruning.ts";

export const command: Command = {
  arguments: "",
  options: [pruneFilterOption, { flags: "-f, --force", description: "do not ask" }],
  examples: ["laminate container prune", "laminate container prune -f --filter until=24h --filter label!=keep"],
  hasDocument: true,

  async run({ storage, signal, now }, _words, options) {
    const isWanted = pruneFilter(options.list("filter"), now);
    const which = isWanted === undefined ? "" : " that the filter wants";
    if (!options.isOn("force") && !(await confirmed(`Remove all stopped containers${which}?`, signal))) return {};
    const removed = await pruneContainers(await storage(), isWanted, signal);
    return { document: removed, text: [...containerLines(removed), reclaimedLine(removed.reclaimedBytes)] };
  },
};
