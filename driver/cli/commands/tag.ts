import type { Command } from "../command.ts";

export const command: Command = {
  arguments: "<image> <name>",
  options: [],
  examples: ["laminate tag debian:12 base:latest"],

  async run({ storage }, [source = "", target = ""]) {
    await (await storage()).images.tag(source, target);
    return {};
  },
};
