import { type Command, forEachWord } from "../command.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [],
  examples: ["laminate pause web"],

  async run({ storage, signal }, words) {
    const { containers } = await storage();
    const { done, failures } = await forEachWord(words, signal, async (word) => {
      await containers.pause(word);
      return word;
    });
    return { text: done, failures };
  },
};
