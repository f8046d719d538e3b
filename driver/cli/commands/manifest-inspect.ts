import { parseReference } from "../../door.ts";
import type { Command } from "../command.ts";
import { openClient, registryOptions } from "../registry-options.ts";

export const command: Command = {
  arguments: "<name>",
  options: [{ flags: "-v, --verbose", description: "with its digest, size and media type" }, ...registryOptions],
  examples: ["laminate manifest inspect debian:12"],

  async run({ signal }, [name = ""], options) {
    await using client = await openClient(options);
    const reference = parseReference(name);
    const { descriptor, bytes } = await client.resolve(reference, { signal });
    const manifest = JSON.parse(Buffer.from(bytes).toString()) as unknown;
    const shown = options.isOn("verbose")
      ? { Ref: reference.canonical, Descriptor: descriptor, Manifest: manifest }
      : manifest;
    return { document: shown, text: JSON.stringify(shown, undefined, 3).split("\n") };
  },
};
