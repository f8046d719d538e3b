/** What is measured beside laminate, and how each is told to do the same work. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Containerd } from "../../test/fixtures/containerd.ts";
import type { Corpus } from "../corpora/images.ts";
import type { PlaceName } from "./places.ts";
import { treeCost, type TreeCost } from "./tree-cost.ts";

export interface Work {
  readonly corpus: Corpus;
  /** In the registry of this run. */
  readonly reference: string;
  /** A fresh directory. */
  readonly folder: string;
  readonly place: PlaceName;
}

export interface Contender {
  readonly name: string;
  /** Programs that it needs. */
  readonly programs: readonly string[];
  run(work: Work): Promise<TreeCost>;
}

const main = join(import.meta.dirname, "../../dist/cli/main.js");

/** On tmpfs without the syncs, which do nothing there but that the peers have none; on ext4 as everybody gets it. */
function laminate({ folder, place }: Work, ...words: readonly string[]): Promise<TreeCost> {
  const durability = place === "tmpfs" ? "none" : "full";
  const places = ["--root", join(folder, "root"), "--state", join(folder, "state"), "--durability", durability];
  return treeCost([process.execPath, main, ...places, "--progress", "none", ...words]);
}

async function inContainerd({ folder }: Work, ...words: readonly string[]): Promise<TreeCost> {
  await using containerd = await Containerd.start(join(folder, "containerd"));
  return await treeCost(["ctr", "--address", containerd.address, ...words], [containerd.pid]);
}

function podman({ folder }: Work, ...words: readonly string[]): Promise<TreeCost> {
  return treeCost(["podman", "--root", join(folder, "podman"), "--runroot", join(folder, "podman-run"), ...words]);
}

/** What neither verifies nor keeps anything. */
function throughTar(decompressor: string): Contender {
  return {
    name: `${decompressor} -dc | tar -x`,
    programs: [decompressor, "tar"],
    run: ({ corpus, folder }) => {
      const script = `for blob; do ${decompressor} -dc "$blob" | tar -x --numeric-owner -C "${folder}" || exit 1; done`;
      return treeCost(["sh", "-c", script, "sh", ...corpus.blobs]);
    },
  };
}

export const pulling: readonly Contender[] = [
  { name: "laminate pull", programs: [], run: (work) => laminate(work, "pull", "--quiet", work.reference) },
  {
    name: "ctr images pull",
    programs: ["ctr", "containerd"],
    run: (work) => inContainerd(work, "images", "pull", "--plain-http", work.reference),
  },
  {
    name: "podman pull",
    programs: ["podman"],
    run: (work) => podman(work, "pull", "--quiet", "--tls-verify=false", work.reference),
  },
];

export const unpacking: readonly Contender[] = [
  { name: "laminate load", programs: [], run: (work) => laminate(work, "load", "-i", `oci:${work.corpus.layout}:it`) },
  {
    name: "umoci unpack",
    programs: ["umoci"],
    run: ({ corpus, folder }) =>
      treeCost(["umoci", "unpack", "--image", `${corpus.layout}:it`, join(folder, "bundle")]),
  },
  {
    name: "skopeo copy to podman's store",
    programs: ["skopeo"],
    run: ({ corpus, folder }) => {
      const store = `overlay@${join(folder, "podman")}+${join(folder, "podman-run")}`;
      const words = ["-q", `oci:${corpus.layout}:it`, `containers-storage:[${store}]localhost/it:1`];
      return treeCost(["skopeo", "copy", ...words]);
    },
  },
  throughTar("igzip"),
  throughTar("pigz"),
];

export function versions(): Readonly<Record<string, string>> {
  const asked: Readonly<Record<string, readonly string[]>> = {
    containerd: ["containerd", "--version"],
    podman: ["podman", "--version"],
    umoci: ["umoci", "--version"],
    skopeo: ["skopeo", "--version"],
    igzip: ["igzip", "--version"],
    pigz: ["pigz", "--version"],
    tar: ["tar", "--version"],
  };
  const version = ([program = "", ...words]: readonly string[]): string => {
    try {
      const said = execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      return /[0-9]+(?:\.[0-9]+)+/.exec(said)?.[0] ?? "unknown";
    } catch {
      return "not here";
    }
  };
  return {
    node: process.versions.node,
    ...Object.fromEntries(Object.entries(asked).map(([name, command]) => [name, version(command)])),
  };
}
