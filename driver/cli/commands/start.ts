import { type Command, forEachWord } from "../command.ts";
import { UsageError } from "../errors.ts";
import { inForeground, requireTerminal } from "../foreground.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [
    { flags: "-a, --attach", description: "on our own output, to its end" },
    { flags: "-i, --interactive", description: "with our standard input, if it was made to read one; implies -a" },
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
    const { id, process } = await containers.get(word);
    requireTerminal(process.tty);
    return {
      exitCode: await inForeground(context, process.tty, (onStart) => {
        return containers.run(id, { stdio: "inherit", signal, onStart });
      }),
    };
  },
};
