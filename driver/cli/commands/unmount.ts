import type { Storage } from "../../index.ts";
import { type Command, forEachWord } from "../command.ts";
import { codeOf } from "../errors.ts";

export const command: Command = {
  arguments: "<name...>",
  options: [],
  examples: ["laminate unmount debian:12 web"],

  async run({ storage, signal }, words) {
    const opened = await storage();
    const { done, failures } = await forEachWord(words, signal, async (name) => {
      await unmountOne(opened, name);
      return name;
    });
    return { text: done, failures };
  },
};

async function unmountOne(storage: Storage, name: string): Promise<void> {
  try {
    await storage.containers.unmount(name);
  } catch (error) {
    if (codeOf(error) !== "ERR_NOT_FOUND") throw error;
    await storage.unmountImage(name);
  }
}
