import type { HistoryRow } from "../../index.ts";
import type { Command } from "../command.ts";
import { age, ellipsis, humanSize, printable, shortId } from "../format.ts";
import { table } from "../table.ts";

const createdByWidth = 45;

const headers = {
  ID: "IMAGE",
  CreatedAt: "CREATED AT",
  CreatedSince: "CREATED",
  CreatedBy: "CREATED BY",
  Size: "SIZE",
  Comment: "COMMENT",
};

export const command: Command = {
  arguments: "<image>",
  options: [
    { flags: "--no-trunc", description: "whole IDs and commands" },
    { flags: "-q, --quiet", description: "only image IDs" },
    { flags: "-H, --human", description: "ages and rounded sizes; =false for times and bytes", onByDefault: true },
    { flags: "--layers", description: "with each layer's digest, diffID, chainID and the images that share it" },
  ],
  examples: [
    "laminate history debian",
    "laminate history --no-trunc debian",
    "laminate history -H=false debian",
    "laminate image history --layers debian",
  ],
  hasTable: true,

  async run({ storage, now }, [image = ""], options) {
    const rows = await (await storage()).images.history(image);
    const isWhole = options.isOn("no-trunc");
    const isHuman = options.isOn("human");
    const idOf = (id: string | null): string => (id === null ? "<missing>" : isWhole ? id : shortId(id));
    if (options.isOn("quiet")) return { document: rows.map(({ id }) => id), text: rows.map(({ id }) => idOf(id)) };

    const hasLayers = options.isOn("layers");
    const layerCells = ({ layer }: HistoryRow): readonly string[] => [
      layer === null ? "" : idOf(layer.descriptor.digest),
      layer === null ? "" : idOf(layer.diffId),
      layer === null ? "" : idOf(layer.chainId),
      layer === null ? "" : layer.sharedBy.join(", "),
    ];
    const header = [
      ...["IMAGE", isHuman ? "CREATED" : "CREATED AT", "CREATED BY", "SIZE", "COMMENT"],
      ...(hasLayers ? ["LAYER DIGEST", "DIFF ID", "CHAIN ID", "SHARED BY"] : []),
    ];
    const lines = rows.map((row) => {
      const createdBy = printable(row.createdBy);
      return [
        idOf(row.id),
        isHuman ? age(row.created, now) : (row.created ?? "N/A"),
        isWhole ? createdBy : ellipsis(createdBy, createdByWidth),
        isHuman ? humanSize(row.sizeBytes) : String(row.sizeBytes),
        row.comment,
        ...(hasLayers ? layerCells(row) : []),
      ];
    });
    const named = rows.map((row) => ({
      ID: idOf(row.id),
      CreatedAt: row.created ?? "N/A",
      CreatedSince: age(row.created, now),
      CreatedBy: isWhole ? printable(row.createdBy) : ellipsis(printable(row.createdBy), createdByWidth),
      Size: isHuman ? humanSize(row.sizeBytes) : String(row.sizeBytes),
      Comment: printable(row.comment),
    }));
    return { document: rows, text: table(header, lines), rows: named, headers };
  },
};
