import { type Command, forEachWord } from "../command.ts";
import { UsageError } from "../errors.ts";
import { attachInForeground, attachOptions, requireTerminal, runInForeground } from "../foreground.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [
    { flags: "-a, --attach", description: "on our own output, to its end" },
    { flags: "-i, --interactive", description: "with our standard input, if it was made to read one; implies -a" },
    ...attachOptions,
  ],
  examples: ["laminate start web db", "laminate start -ai base-container"],

  async run(context, words, options) {
    const { containers } = await context.storage();
    const { signal } = context;
    if (!options.isOn("attach") && !options.isOn("interactive")) {
      const { done, failures } = await forEachWord(words, signal, async (word) => {
        await containers.start(word);
        return word;
      });
      return { text: done, failures };
    }
    const [word = "", ...others] = words;
    if (others.length > 0) throw new UsageError("only one container can be attached to");
    const { id, status, process } = await containers.get(word);
    const input = options.isOn("interactive");
    requireTerminal(process.tty, input && process.interactive);
    const attach = status === "running" ? attachInForeground : runInForeground;
    return { exitCode: await attach(context, await context.storage(), id, options, input) };
  },
};
