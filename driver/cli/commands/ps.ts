import type { ContainerInfo } from "../../index.ts";
import type { Command } from "../command.ts";
import { age, duration, ellipsis, printable, shortId } from "../format.ts";
import { table } from "../table.ts";

const commandWidth = 20;

export const command: Command = {
  arguments: "",
  options: [
    { flags: "-a, --all", description: "also those that do not run" },
    { flags: "-q, --quiet", description: "only ids" },
    { flags: "--no-trunc", description: "whole ids and commands" },
  ],
  examples: ["laminate ps", "laminate ps -a", "laminate rm $(laminate ps -aq)"],
  hasTable: true,

  async run({ storage, now }, _words, options) {
    const all = await (await storage()).containers.list();
    const shown = all.filter(({ status }) => options.isOn("all") || status === "running");
    const isWhole = options.isOn("no-trunc");
    const idOf = ({ id }: ContainerInfo): string => (isWhole ? id : shortId(id));
    if (options.isOn("quiet")) return { document: shown.map(({ id }) => id), text: shown.map(idOf) };
    const rows = shown.map((container) => {
      const words = printable(container.process.args.join(" "));
      return [
        idOf(container),
        container.image,
        JSON.stringify(isWhole ? words : ellipsis(words, commandWidth)),
        age(container.created, now),
        statusOf(container, now),
        "",
        container.name,
      ];
    });
    const header = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
    return { document: shown, text: table(header, rows) };
  },
};

export function statusOf({ status, started, finished, exitCode }: ContainerInfo, now: Date): string {
  switch (status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${duration(started, now) ?? "N/A"}`;
    case "exited":
      return `Exited (${exitCode ?? 0}) ${age(finished, now)}`;
  }
}
