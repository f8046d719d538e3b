import type { Command } from "../command.ts";

export const command: Command = {
  arguments: "<container> <name>",
  options: [],
  examples: ["laminate rename web old-web"],

  async run({ storage }, [container = "", name = ""]) {
    await (await storage()).containers.rename(container, name);
    return {};
  },
};
