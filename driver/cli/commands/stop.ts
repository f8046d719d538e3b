import { parseSignal } from "../../door.ts";
import { type Command, forEachWord } from "../command.ts";
import { parseCount } from "../durations.ts";

export const command: Command = {
  arguments: "<container...>",
  options: [
    { flags: "-t, --time <seconds>", description: "until it is killed (10)" },
    { flags: "-s, --signal <signal>", description: "that asks it to end; the image's, else TERM" },
  ],
  examples: ["laminate stop web", "laminate stop -t 2 -s INT web db"],

  async run({ storage, signal: aborted }, words, options) {
    const { containers } = await storage();
    const signal = options.text("signal");
    const time = options.text("time");
    const stop = {
      ...(signal !== undefined && { signal: parseSignal(signal) }),
      ...(time !== undefined && { timeoutSeconds: parseCount("--time", time) }),
    };
    const { done, failures } = await forEachWord(words, aborted, async (word) => {
      await containers.stop(word, stop);
      return word;
    });
    return { text: done, failures };
  },
};
