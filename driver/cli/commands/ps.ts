import type { ContainerInfo, Storage } from "../../index.ts";
import type { Command } from "../command.ts";
import { containerFilter } from "../container-filter.ts";
import { parseCount } from "../durations.ts";
import { age, duration, ellipsis, humanSize, printable, shortId } from "../format.ts";
import { table } from "../table.ts";

const commandWidth = 20;

const headers = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  RunningFor: "CREATED",
  CreatedAt: "CREATED AT",
  Status: "STATUS",
  State: "STATE",
  Ports: "PORTS",
  Names: "NAMES",
  Labels: "LABELS",
  Size: "SIZE",
};

export const command: Command = {
  arguments: "",
  options: [
    { flags: "-a, --all", description: "also those that do not run" },
    { flags: "-q, --quiet", description: "only ids" },
    { flags: "-l, --latest", description: "the one made last, whatever it does" },
    { flags: "-n, --last <count>", description: "so many that were made last, whatever they do" },
    { flags: "-s, --size", description: "with the bytes that each has written" },
    { flags: "--no-trunc", description: "whole ids and commands" },
    {
      flags: "-f, --filter <condition>",
      description: "id=, name=, status=, ancestor=, label=, exited=, before=, since=",
      repeatable: true,
    },
  ],
  examples: ["laminate ps", "laminate ps -a -f status=exited", "laminate rm $(laminate ps -aq)"],
  hasTable: true,

  async run({ storage, now }, _words, options) {
    const opened = await storage();
    const last = options.isOn("latest") ? 1 : options.text("last");
    const count = last === undefined ? Infinity : parseCount("--last", String(last));
    const conditions = options.list("filter");
    const isWanted = await containerFilter(conditions, opened);
    const isAll =
      options.isOn("all") || count < Infinity || conditions.some((each) => /^(?:status|exited)=/.test(each));
    const all = (await opened.containers.list()).slice(0, count);
    const shown = all.filter((container) => (isAll || container.status === "running") && isWanted(container));
    const isWhole = options.isOn("no-trunc");
    const idOf = ({ id }: ContainerInfo): string => (isWhole ? id : shortId(id));
    if (options.isOn("quiet")) return { document: shown.map(({ id }) => id), text: shown.map(idOf) };
    const withSize = options.isOn("size");
    const rows = shown.map(async (container) => {
      const words = printable(commandOf(container));
      return [
        idOf(container),
        container.image,
        JSON.stringify(isWhole ? words : ellipsis(words, commandWidth)),
        age(container.created, now),
        statusOf(container, now),
        "",
        container.name,
        ...(withSize ? [await sizeOf(opened, container)] : []),
      ];
    });
    const header = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"];
    const cells = await Promise.all(rows);
    const named = shown.map((container, at) => {
      const [ID, Image, Command, RunningFor, Status, Ports, Names, Size = ""] = cells[at] ?? [];
      const { labels } = container.host;
      return {
        ...{ ID, Image, Command, RunningFor, Status, Ports, Names, Size },
        CreatedAt: container.created,
        State: container.paused ? "paused" : container.status,
        Labels: Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(","),
      };
    });
    return { document: shown, text: table(withSize ? [...header, "SIZE"] : header, cells), rows: named, headers };
  },
};

/** As Docker shows it: words with blanks in quotes, the first one as it is. */
function commandOf({ process: { args } }: ContainerInfo): string {
  return args.map((word, at) => (at > 0 && word.includes(" ") ? `'${word}'` : word)).join(" ");
}

export function statusOf({ status, paused, started, finished, exitCode }: ContainerInfo, now: Date): string {
  switch (status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${duration(started, now) ?? "N/A"}${paused ? " (Paused)" : ""}`;
    case "exited":
      return `Exited (${exitCode ?? 0}) ${age(finished, now)}`;
  }
}

async function sizeOf({ snapshots, images }: Storage, { id, imageId }: ContainerInfo): Promise<string> {
  const { sizeBytes } = await snapshots.usage(id);
  const image = await images.get(imageId).catch(() => undefined);
  const virtual = image === undefined ? "" : ` (virtual ${humanSize(image.sizeBytes + sizeBytes)})`;
  return `${humanSize(sizeBytes)}${virtual}`;
}
