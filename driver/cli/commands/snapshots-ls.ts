import type { Command } from "../command.ts";
import { age } from "../format.ts";
import { listSnapshots, snapshotDocument, timeOf } from "../snapshot-list.ts";
import { table } from "../table.ts";

export const command: Command = {
  arguments: "[filter...]",
  options: [{ flags: "-q, --quiet", description: "only keys and names" }],
  examples: [
    "laminate snapshots ls",
    "laminate snapshots ls kind==active",
    `laminate snapshots ls 'labels."containerd.io/snapshot.ref"~=sha256'`,
  ],
  hasTable: true,

  async run({ storage, now }, filters, options) {
    const found = await listSnapshots((await storage()).snapshots, filters);
    if (options.isOn("quiet")) return { document: found.map(({ name }) => name), text: found.map(({ name }) => name) };
    const rows = found.map(({ name, parent, kind, createdNs }) => [name, parent, kind, age(timeOf(createdNs), now)]);
    return { document: found.map(snapshotDocument), text: table(["KEY", "PARENT", "KIND", "CREATED"], rows) };
  },
};
