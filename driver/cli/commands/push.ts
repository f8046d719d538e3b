import { parseReference } from "../../door.ts";
import type { Command } from "../command.ts";
import { createProgress } from "../progress.ts";
import { openClient, registryOptions } from "../registry-options.ts";

export const command: Command = {
  arguments: "<name>",
  options: [{ flags: "-q, --quiet", description: "show no progress, and print the name only" }, ...registryOptions],
  examples: ["laminate push localhost:5000/app:1", "laminate tag app:1 registry.example/team/app:1"],
  hasDocument: true,

  async run({ storage, signal, progress, env }, [name = ""], options) {
    const quiet = options.isOn("quiet");
    await using client = await openClient(options);
    const view = createProgress(quiet ? "none" : progress, process.stderr, env);
    try {
      const pushed = await (
        await storage()
      ).push(name, {
        client,
        signal,
        onProgress: (event) => {
          view.update(event);
        },
      });
      view.end();
      const { tag } = parseReference(pushed.reference);
      const line = `${tag ?? pushed.digest}: digest: ${pushed.digest} size: ${pushed.sizeBytes}`;
      return { document: pushed, text: [quiet ? pushed.reference : line] };
    } finally {
      view.end();
    }
  },
};
