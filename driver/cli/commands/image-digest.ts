import { parseReference } from "../../index.ts";
import { type Command, forEachWord } from "../command.ts";
import { openClient, registryOptions } from "../registry-options.ts";

export const command: Command = {
  arguments: "<name...>",
  options: [{ flags: "--remote", description: "the digest that the registry has, without a pull" }, ...registryOptions],
  examples: ["laminate image digest debian:12", "laminate image digest --remote debian:12"],
  hasDocument: true,

  async run({ storage, signal }, names, options) {
    if (!options.isOn("remote")) {
      const { images } = await storage();
      const { done, failures } = await forEachWord(names, signal, async (name) => {
        const { manifestDigest, manifest } = await images.get(name);
        return { name, digest: manifestDigest, mediaType: manifest.mediaType };
      });
      return { document: done, text: done.map(({ digest }) => digest), failures };
    }
    await using client = await openClient(options);
    const { done, failures } = await forEachWord(names, signal, async (name) => {
      const { digest, mediaType, size } = await client.head(parseReference(name), { signal });
      return { name, digest, mediaType, size };
    });
    return { document: done, text: done.map(({ digest }) => digest), failures };
  },
};
