import { type Command, forEachWord } from "../command.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [],
  examples: ["laminate wait web"],

  async run({ storage, signal }, words) {
    const { containers } = await storage();
    const { done, failures } = await forEachWord(words, signal, async (word) => {
      return String(await containers.wait(word, signal));
    });
    return { text: done, failures };
  },
};
