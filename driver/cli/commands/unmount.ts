import { type Command, forEachWord } from "../command.ts";
import { containerOrImage } from "../named.ts";

export const command: Command = {
  arguments: "<name...>",
  options: [],
  examples: ["laminate unmount debian:12 web"],

  async run({ storage, signal }, words) {
    const opened = await storage();
    const { done, failures } = await forEachWord(words, signal, async (name) => {
      await containerOrImage(
        name,
        () => opened.containers.unmount(name),
        () => opened.unmountImage(name),
      );
      return name;
    });
    return { text: done, failures };
  },
};
