import type { Command } from "../command.ts";
import { attachInForeground, attachOptions, requireTerminal } from "../foreground.ts";

export const command: Command = {
  arguments: "<container>",
  options: [{ flags: "--no-stdin", description: "only show what it writes" }, ...attachOptions],
  examples: ["laminate attach web", "laminate attach --no-stdin --sig-proxy=false web"],

  async run(context, [word = ""], options) {
    const storage = await context.storage();
    const { id, process } = await storage.containers.get(word);
    const input = !options.isOn("no-stdin");
    requireTerminal(process.tty, input && process.interactive);
    return { exitCode: await attachInForeground(context, storage, id, options, input) };
  },
};
