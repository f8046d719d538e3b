import type { Command } from "../command.ts";
import { confirmed } from "../confirm.ts";
import { pruneFilter, pruneFilterOption } from "../prune-filter.ts";
import { containerLines, imageLines, pruneContainers, reclaimedLine } from "../pruning.ts";

export const command: Command = {
  arguments: "",
  options: [
    { flags: "-a, --all", description: "all images that no container uses then, not only those without a name" },
    { flags: "--volumes", description: "volumes too (those of a container always go with it)" },
    pruneFilterOption,
    { flags: "-f, --force", description: "do not ask" },
  ],
  examples: ["laminate system prune", "laminate system prune -a -f", "laminate system prune -f --filter until=168h"],
  hasDocument: true,

  async run({ storage, signal, now }, _words, options) {
    const all = options.isOn("all");
    const isWanted = pruneFilter(options.list("filter"), now);
    const images = all ? "all images that no container uses then" : "all images without a name";
    const question = `Remove all stopped containers and ${images}?`;
    if (!options.isOn("force") && !(await confirmed(question, signal))) return {};
    const opened = await storage();
    const containers = await pruneContainers(opened, isWanted, signal);
    const removed = await opened.images.prune({ all, isWanted });
    const reclaimedBytes = containers.reclaimedBytes + removed.reclaimedBytes;
    return {
      document: { containers, images: removed, reclaimedBytes },
      text: [...containerLines(containers), ...imageLines(removed), reclaimedLine(reclaimedBytes)],
    };
  },
};
