import type { Command } from "../command.ts";
import { printable } from "../format.ts";

export const command: Command = {
  arguments: "<name> [other]",
  options: [],
  examples: [
    "laminate diff web",
    "laminate diff debian:12 node-base",
    "laminate diff node-base web",
    "laminate diff sha256:3f2a9c81 sha256:90b1dd72   # two layers, by chainID",
    "laminate container diff --json web",
  ],
  hasDocument: true,

  async run({ storage }, [name = "", other]) {
    const changes = await (await storage()).diff(name, other);
    return { document: changes, text: changes.map(({ kind, path }) => `${kind} ${printable(path)}`) };
  },
};
