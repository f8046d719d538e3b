import type { ImageSummary } from "../../index.ts";
import type { Command } from "../command.ts";
import { age, familiarName, humanSize, repositoryAndTag, shortId } from "../format.ts";
import { table } from "../table.ts";

interface Row {
  readonly repository: string;
  readonly tag: string;
  readonly image: ImageSummary;
}

const headers = {
  ID: "IMAGE ID",
  Repository: "REPOSITORY",
  Tag: "TAG",
  Digest: "DIGEST",
  CreatedAt: "CREATED AT",
  CreatedSince: "CREATED",
  Size: "SIZE",
};

export const command: Command = {
  arguments: "[repository]",
  options: [
    { flags: "-a, --all", description: "all images (there are no hidden ones)" },
    { flags: "-q, --quiet", description: "only image IDs" },
    { flags: "--digests", description: "with the digest of the manifest" },
    { flags: "--no-trunc", description: "whole IDs" },
  ],
  examples: ["laminate images", "laminate images --digests debian", "laminate image ls -q", "laminate images --json"],
  hasTable: true,

  async run({ storage, now }, [wanted], options) {
    const images = await (await storage()).images.list();
    const rows = images.flatMap(rowsOf).filter((row) => wanted === undefined || isNamed(row, wanted));
    const idOf = ({ id }: ImageSummary): string => (options.isOn("no-trunc") ? id : shortId(id));
    const shown = [...new Set(rows.map(({ image }) => image))];
    if (options.isOn("quiet")) {
      return { document: shown.map(({ id }) => id), text: shown.map(idOf) };
    }
    const hasDigests = options.isOn("digests");
    const header = ["REPOSITORY", "TAG", ...(hasDigests ? ["DIGEST"] : []), "IMAGE ID", "CREATED", "SIZE"];
    const lines = rows.map(({ repository, tag, image }) => [
      repository,
      tag,
      ...(hasDigests ? [image.manifestDigest] : []),
      idOf(image),
      age(image.created, now),
      humanSize(image.sizeBytes),
    ]);
    const named = rows.map(({ repository, tag, image }) => ({
      ID: idOf(image),
      Repository: repository,
      Tag: tag,
      Digest: image.manifestDigest,
      CreatedAt: image.created ?? "N/A",
      CreatedSince: age(image.created, now),
      Size: humanSize(image.sizeBytes),
    }));
    return { document: shown, text: table(header, lines), rows: named, headers };
  },
};

export function rowsOf<Image extends ImageSummary>(
  image: Image,
): readonly { repository: string; tag: string; image: Image }[] {
  if (image.names.length === 0) return [{ repository: "<none>", tag: "<none>", image }];
  return image.names.map((name) => {
    const [repository, tag] = repositoryAndTag(name);
    return { repository, tag, image };
  });
}

function isNamed({ repository, tag }: Row, wanted: string): boolean {
  const [wantedRepository, wantedTag] = repositoryAndTag(familiarName(wanted));
  return repository === wantedRepository && (wantedTag === "<none>" || tag === wantedTag);
}
