import { type Command, forEachWord } from "../command.ts";
import { familiarName } from "../format.ts";

export const command: Command = {
  arguments: "<image...>",
  options: [{ flags: "-f, --force", description: "even if it has more names, or containers use it" }],
  examples: ["laminate rmi debian:12", "laminate image rm -f 3f2a9c"],
  hasDocument: true,

  async run({ storage, signal }, words, options) {
    const { images } = await storage();
    const force = options.isOn("force");
    const { done, failures } = await forEachWord(words, signal, (word) => images.remove(word, { force }));
    const text = done.flatMap(({ untagged, deleted }) => [
      ...untagged.map((name) => `Untagged: ${familiarName(name)}`),
      ...deleted.map((digest) => `Deleted: ${digest}`),
    ]);
    return { document: done, text, failures };
  },
};
