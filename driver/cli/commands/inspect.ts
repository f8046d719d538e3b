import type { Command } from "../command.ts";
import { inspectAll, inspectAny, inspectContainer, inspectImage } from "../inspected.ts";

export const command: Command = {
  arguments: "<name...>",
  options: [{ flags: "--type <type>", description: "look only for these", choices: ["image", "container"] }],
  examples: ["laminate inspect debian", "laminate inspect --type container web"],
  hasDocument: true,
  hasTemplate: true,

  run(context, words, options) {
    const type = options.text("type");
    return inspectAll(
      context,
      words,
      type === "image" ? inspectImage : type === "container" ? inspectContainer : inspectAny,
    );
  },
};
