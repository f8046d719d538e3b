import { parseReference } from "../../index.ts";
import { type Command, forEachWord } from "../command.ts";
import { openClient, registryOptions } from "../registry-options.ts";

export const command: Command = {
  arguments: "<name...>",
  options: registryOptions,
  examples: ["laminate image digest debian:12"],
  hasDocument: true,

  async run({ signal }, names, options) {
    await using client = await openClient(options);
    const { done, failures } = await forEachWord(names, signal, async (name) => {
      const { digest, mediaType, size } = await client.head(parseReference(name), { signal });
      return { name, digest, mediaType, size };
    });
    return { document: done, text: done.map(({ digest }) => digest), failures };
  },
};
