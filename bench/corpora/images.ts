/** The images that whole jobs are measured on, from Debian's packages, each an OCI layout with one image "it". */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { kept } from "./kept.ts";
import { pathsBelow, splitBySize, storeLayer, writeLayout } from "./layered-image.ts";
import { nodeTree } from "./node-tree.ts";

export const corpora = ["one-layer", "eight-layers", "small-files", "two-gb"] as const;
export type CorpusName = (typeof corpora)[number];

export interface Corpus {
  readonly name: CorpusName;
  readonly layout: string;
  /** Files of the layers' blobs, lowest first. */
  readonly blobs: readonly string[];
  readonly storedBytes: number;
}

/** About 400 MB in 22,000 files. */
function debianTree(): string {
  const include = "build-essential,python3,git,perl,locales,ca-certificates,curl,vim";
  return join(
    kept("debian-tree", (folder) => {
      console.log("making a Debian root, once");
      execFileSync("mmdebstrap", ["--quiet", `--include=${include}`, "bookworm", join(folder, "root")], {
        stdio: ["ignore", "ignore", "inherit"],
      });
    }),
    "root",
  );
}

function layersOf(name: CorpusName, layout: string): readonly ReturnType<typeof storeLayer>[] {
  switch (name) {
    case "one-layer":
      return [storeLayer(layout, { directory: debianTree(), paths: pathsBelow(debianTree()) })];
    case "eight-layers": {
      const runs = splitBySize(debianTree(), pathsBelow(debianTree()), 8);
      return runs.map((paths) => storeLayer(layout, { directory: debianTree(), paths }));
    }
    case "small-files": {
      const files = { directory: nodeTree(), paths: pathsBelow(nodeTree()) };
      return ["opt/a", "opt/b"].map((prefix) => storeLayer(layout, { ...files, prefix }));
    }
    case "two-gb": {
      const files = { directory: debianTree(), paths: pathsBelow(debianTree()) };
      return ["1", "2", "3", "4", "5"].map((copy) => storeLayer(layout, { ...files, prefix: `opt/${copy}` }));
    }
  }
}

export function corpus(name: CorpusName): Corpus {
  const layout = kept(`image-${name}`, (folder) => {
    console.log(`making the image ${name}, once`);
    writeLayout(folder, { it: layersOf(name, folder) });
  });
  const document = (path: string): unknown => JSON.parse(readFileSync(join(layout, path), "utf8"));
  const blob = (digest: string): string => join("blobs/sha256", digest.slice("sha256:".length));
  const { manifests } = document("index.json") as { manifests: readonly { digest: string }[] };
  const manifest = document(blob(manifests[0]?.digest ?? ""));
  const { layers } = manifest as { layers: readonly { digest: string; size: number }[] };
  return {
    name,
    layout,
    blobs: layers.map(({ digest }) => join(layout, blob(digest))),
    storedBytes: layers.reduce((sum, { size }) => sum + size, 0),
  };
}
