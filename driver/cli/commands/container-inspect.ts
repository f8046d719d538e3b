import type { Command } from "../command.ts";
import { inspectAll, inspectContainer } from "../inspected.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [],
  examples: ["laminate container inspect web"],
  hasDocument: true,
  hasTemplate: true,
  run: (context, words) => inspectAll(context, words, inspectContainer),
};
