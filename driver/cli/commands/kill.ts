import { parseSignal } from "../../door.ts";
import { type Command, forEachWord } from "../command.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [{ flags: "-s, --signal <signal>", description: "by name or number (KILL)" }],
  examples: ["laminate kill web", "laminate kill -s HUP web"],

  async run({ storage, signal }, words, options) {
    const { containers } = await storage();
    const sent = parseSignal(options.text("signal") ?? "KILL");
    const { done, failures } = await forEachWord(words, signal, async (word) => {
      await containers.kill(word, sent);
      return word;
    });
    return { text: done, failures };
  },
};
