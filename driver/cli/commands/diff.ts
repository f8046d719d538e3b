import type { Command } from "../command.ts";
import { printable } from "../format.ts";

export const command: Command = {
  arguments: "<container>",
  options: [],
  examples: ["laminate diff web", "laminate container diff --json web"],
  hasDocument: true,

  async run({ storage }, [container = ""]) {
    const changes = await (await storage()).diff(container);
    return { document: changes, text: changes.map(({ kind, path }) => `${kind} ${printable(path)}`) };
  },
};
