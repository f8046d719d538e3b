import { type Command, forEachWord } from "../command.ts";
import { humanSize } from "../format.ts";
import { listSnapshots } from "../snapshot-list.ts";
import { table } from "../table.ts";

export const command: Command = {
  arguments: "[key...]",
  options: [{ flags: "-b, --bytes", description: "sizes in bytes" }],
  examples: ["laminate snapshots usage", "laminate snapshots usage -b $(laminate ps -q --no-trunc)"],
  hasTable: true,

  async run({ storage, signal }, words, options) {
    const { snapshots } = await storage();
    const keys = words.length > 0 ? words : (await listSnapshots(snapshots, [])).map(({ name }) => name);
    const { done, failures } = await forEachWord(keys, signal, async (key) => ({
      key,
      ...(await snapshots.usage(key)),
    }));
    const rows = done.map(({ key, sizeBytes, inodes }) => [
      key,
      options.isOn("bytes") ? String(sizeBytes) : humanSize(sizeBytes),
      String(inodes),
    ]);
    return { document: done, text: table(["KEY", "SIZE", "INODES"], rows), failures };
  },
};
