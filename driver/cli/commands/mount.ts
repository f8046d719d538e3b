import { type Command, forEachWord } from "../command.ts";
import { containerOrImage } from "../named.ts";

export const command: Command = {
  arguments: "<name...>",
  options: [],
  examples: ["laminate mount debian:12", 'ls "$(laminate mount web)/etc"'],
  hasDocument: true,

  async run({ storage, signal }, words) {
    const opened = await storage();
    const { done, failures } = await forEachWord(words, signal, async (name) => ({
      name,
      path: await containerOrImage(
        name,
        () => opened.containers.mount(name),
        () => opened.mountImage(name),
      ),
    }));
    const text = done.map(({ name, path }) => (words.length === 1 ? path : `${name} ${path}`));
    return { document: done, text, failures };
  },
};
