import type { Command } from "../command.ts";
import { inspectAll, inspectImage } from "../inspected.ts";

export const command: Command = {
  arguments: "<image...>",
  options: [],
  examples: ["laminate image inspect debian"],
  hasDocument: true,
  hasTemplate: true,
  run: (context, words) => inspectAll(context, words, inspectImage),
};
