import type { Storage } from "../../index.ts";
import { type Command, forEachWord } from "../command.ts";
import { codeOf } from "../errors.ts";

export const command: Command = {
  arguments: "<name...>",
  options: [],
  examples: ["laminate mount debian:12", 'ls "$(laminate mount web)/etc"'],
  hasDocument: true,

  async run({ storage, signal }, words) {
    const opened = await storage();
    const { done, failures } = await forEachWord(words, signal, async (name) => ({
      name,
      path: await mountOne(opened, name),
    }));
    const text = done.map(({ name, path }) => (words.length === 1 ? path : `${name} ${path}`));
    return { document: done, text, failures };
  },
};

/** A container of that name comes before an image. */
async function mountOne(storage: Storage, name: string): Promise<string> {
  try {
    return await storage.containers.mount(name);
  } catch (error) {
    if (codeOf(error) !== "ERR_NOT_FOUND") throw error;
    return storage.mountImage(name);
  }
}
