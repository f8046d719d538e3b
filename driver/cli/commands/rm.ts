import { type Command, forEachWord } from "../command.ts";
import { codeOf } from "../errors.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [
    { flags: "-f, --force", description: "kill it first if it runs; none of that name is fine" },
    { flags: "-v, --volumes", description: "with its volumes (they always go with it)" },
  ],
  examples: ["laminate rm web", "laminate container rm -f web db"],

  async run({ storage, signal }, words, options) {
    const { containers } = await storage();
    const force = options.isOn("force");
    const { done, failures } = await forEachWord(words, signal, async (word) => {
      try {
        await containers.remove(word, { force });
      } catch (error) {
        if (!force || codeOf(error) !== "ERR_NOT_FOUND") throw error;
        return undefined;
      }
      return word;
    });
    return { text: done.filter((word) => word !== undefined), failures };
  },
};
