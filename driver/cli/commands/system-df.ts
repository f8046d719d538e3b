import type { ContainerInfo, DiskUsage } from "../../index.ts";
import type { Command } from "../command.ts";
import { age, ellipsis, humanSize, printable, shortId } from "../format.ts";
import { table } from "../table.ts";
import { rowsOf } from "./images.ts";
import { statusOf } from "./ps.ts";

interface Summary {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
}

const commandWidth = 20;
const containerHeader = [
  ...["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES"],
  ...["SIZE", "CREATED", "STATUS", "NAMES"],
];

const headers = { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" };

export const command: Command = {
  arguments: "",
  options: [{ flags: "-v, --verbose", description: "each image and container, with shared and unique sizes" }],
  examples: ["laminate system df", "laminate system df -v"],
  hasTable: true,

  async run({ storage, now }, _words, options) {
    const opened = await storage();
    const usage = await opened.diskUsage();
    const listed = await opened.containers.list();
    const summaries = summariesOf(usage, listed);
    if (options.isOn("verbose")) return { document: usage, text: verboseText(usage, listed, now) };
    const rows = summaries.map(({ type, total, active, sizeBytes, reclaimableBytes }) => {
      const share = sizeBytes === 0 ? "" : ` (${Math.round((100 * reclaimableBytes) / sizeBytes)}%)`;
      return [type, String(total), String(active), humanSize(sizeBytes), `${humanSize(reclaimableBytes)}${share}`];
    });
    const named = rows.map(([Type, TotalCount, Active, Size, Reclaimable]) => ({
      Type,
      TotalCount,
      Active,
      Size,
      Reclaimable,
    }));
    const text = table(["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"], rows);
    return { document: summaries, text, rows: named, headers };
  },
};

/** Layers and blobs are counted once each, whoever shares them. */
function summariesOf(usage: DiskUsage, containers: readonly ContainerInfo[]): readonly Summary[] {
  const running = new Set(containers.filter(({ status }) => status === "running").map(({ id }) => id));
  const idle = usage.containers.filter(({ id }) => !running.has(id));
  const unused = usage.images.filter((image) => image.containers === 0);
  return [
    {
      type: "Images",
      total: usage.images.length,
      active: usage.images.length - unused.length,
      sizeBytes: usage.layerBytes,
      reclaimableBytes: sum(unused.map(({ uniqueBytes }) => uniqueBytes)) + usage.reclaimableLayerBytes,
    },
    {
      type: "Containers",
      total: usage.containers.length,
      active: usage.containers.length - idle.length,
      sizeBytes: sum(usage.containers.map(({ sizeBytes }) => sizeBytes)),
      reclaimableBytes: sum(idle.map(({ sizeBytes }) => sizeBytes)),
    },
    {
      type: "Blobs",
      total: usage.blobCount,
      active: usage.blobCount,
      sizeBytes: usage.blobBytes,
      reclaimableBytes: usage.reclaimableBlobBytes,
    },
  ];
}

function verboseText(usage: DiskUsage, listed: readonly ContainerInfo[], now: Date): readonly string[] {
  const images = usage.images
    .flatMap(rowsOf)
    .map(({ repository, tag, image }) => [
      repository,
      tag,
      shortId(image.id),
      age(image.created, now),
      humanSize(image.sizeBytes),
      humanSize(image.sharedBytes),
      humanSize(image.uniqueBytes),
      String(image.containers),
    ]);
  const sizes = new Map(usage.containers.map(({ id, sizeBytes }) => [id, sizeBytes]));
  const containers = listed.map((container) => [
    shortId(container.id),
    container.image,
    JSON.stringify(ellipsis(printable(container.process.args.join(" ")), commandWidth)),
    String(container.host.mounts.filter(({ type }) => type === "volume").length),
    humanSize(sizes.get(container.id) ?? 0),
    age(container.created, now),
    statusOf(container, now),
    container.name,
  ]);
  return [
    "Images space usage:",
    "",
    ...table(["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"], images),
    "",
    "Containers space usage:",
    "",
    ...table(containerHeader, containers),
    "",
    `Layers: ${usage.layerCount}, ${humanSize(usage.layerBytes)} unpacked, each stored once`,
    `Blobs: ${usage.blobCount}, ${humanSize(usage.blobBytes)}`,
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
