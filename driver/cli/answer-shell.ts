/** `laminate __complete -- <words…>`: what the completion scripts ask. No command of the catalog, which it reads. */
import type { Storage } from "../index.ts";
import { parseGlobals } from "./command-line.ts";
import { complete, type KnownNames } from "./completion.ts";
import { familiarName, printable } from "./format.ts";
import { storageOptions } from "./global-options.ts";
import { splitLine } from "./split-line.ts";

/** @param words of the line without "laminate"; the last is the one at the cursor. */
export async function answerShell(words: readonly string[]): Promise<readonly string[]> {
  const before = words.slice(0, -1);
  const known: KnownNames = {
    containers: () =>
      withStore(before, async ({ containers }) =>
        (await containers.list()).map(({ name, status }) => ({ name, isRunning: status === "running" })),
      ),
    images: () =>
      withStore(before, async ({ images }) =>
        (await images.list()).flatMap(({ names }) => names.map((name) => familiarName(name))),
      ),
  };
  const { candidates, files } = await complete(before, words.at(-1) ?? "", known);
  const lines = candidates.map(({ word, description }) => `${word}\t${printable(description)}`);
  return files ? [...lines, ":files"] : lines;
}

/** Of the command line that is being written. Where there is no store to read there are no names. */
async function withStore<T>(
  words: readonly string[],
  read: (storage: Storage) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  try {
    const { createStorage } = await import("../door.ts");
    await using storage = await createStorage(storageOptions(parseGlobals(splitLine(words).before)));
    return await read(storage);
  } catch {
    return [];
  }
}
