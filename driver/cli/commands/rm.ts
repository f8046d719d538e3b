import { type Command, forEachWord } from "../command.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [{ flags: "-f, --force", description: "kill it first if it runs" }],
  examples: ["laminate rm web", "laminate container rm -f web db"],

  async run({ storage, signal }, words, options) {
    const { containers } = await storage();
    const force = options.isOn("force");
    const { done, failures } = await forEachWord(words, signal, async (word) => {
      await containers.remove(word, { force });
      return word;
    });
    return { text: done, failures };
  },
};
