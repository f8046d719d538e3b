import type { SnapshotInfo } from "../../index.ts";
import type { Command } from "../command.ts";
import { shortId } from "../format.ts";
import { listSnapshots } from "../snapshot-list.ts";
import { tree, type TreeNode } from "../table.ts";

export const command: Command = {
  arguments: "",
  options: [{ flags: "--no-trunc", description: "whole names" }],
  examples: ["laminate snapshots tree"],
  hasDocument: true,

  async run({ storage }, _words, options) {
    const found = await listSnapshots((await storage()).snapshots, []);
    const byParent = Map.groupBy(found, ({ parent }) => parent);
    const nameOf = ({ name }: SnapshotInfo): string =>
      !options.isOn("no-trunc") && /^(?:sha256:)?[0-9a-f]{64}$/.test(name) ? shortId(name) : name;
    const nodes = (parent: string): readonly TreeNode[] =>
      (byParent.get(parent) ?? []).map((info) => ({
        label: info.kind === "committed" ? nameOf(info) : `${nameOf(info)} (${info.kind})`,
        children: nodes(info.name),
      }));
    const documents = (parent: string): readonly object[] =>
      (byParent.get(parent) ?? []).map((info) => ({
        name: info.name,
        kind: info.kind,
        children: documents(info.name),
      }));
    return { document: documents(""), text: tree(nodes("")) };
  },
};
