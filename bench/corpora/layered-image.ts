/** Images of directories, made by GNU tar and gzip: what laminate unpacks was made by strangers. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths below a directory, each alone, not what is in it. */
export interface LayerFiles {
  readonly directory: string;
  /** "./usr/bin/sh" */
  readonly paths: readonly string[];
  /** Put before each of them: "opt/copy-1". */
  readonly prefix?: string;
}

interface StoredLayer {
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
}

const type = "application/vnd.oci.image";

/** All below a directory, parents first. */
export function pathsBelow(directory: string): readonly string[] {
  const found = execFileSync("find", [".", "-mindepth", "1", "-print0"], { cwd: directory, maxBuffer: 2 ** 28 });
  return found.toString().split("\0").slice(0, -1).sort();
}

function sha256File(path: string): string {
  return `sha256:${execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64)}`;
}

export function storeLayer(layout: string, { directory, paths, prefix }: LayerFiles): StoredLayer {
  const blobs = join(layout, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const tar = join(layout, `layer-${process.pid}.tar`);
  const placed = prefix === undefined ? [] : ["--transform", `s,^\\./,./${prefix}/,`];
  execFileSync(
    "tar",
    ["-C", directory, "--numeric-owner", "--null", "--no-recursion", ...placed, "-T", "-", "-cf", tar],
    { input: paths.join("\0") },
  );
  const diffId = sha256File(tar);
  execFileSync("gzip", ["-6", "-n", tar]);
  const digest = sha256File(`${tar}.gz`);
  const { size } = statSync(`${tar}.gz`);
  renameSync(`${tar}.gz`, join(blobs, digest.slice("sha256:".length)));
  return { digest, size, diffId };
}

/** An OCI layout with one image for each name. */
export function writeLayout(layout: string, images: Readonly<Record<string, readonly StoredLayer[]>>): void {
  const put = (document: unknown): { digest: string; size: number } => {
    const bytes = Buffer.from(JSON.stringify(document));
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const manifests = Object.entries(images).map(([name, layers]) => {
    const config = put({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Cmd: ["sh"], Labels: { name } },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    });
    const manifest = put({
      schemaVersion: 2,
      mediaType: `${type}.manifest.v1+json`,
      config: { mediaType: `${type}.config.v1+json`, ...config },
      layers: layers.map(({ digest, size }) => ({ mediaType: `${type}.layer.v1.tar+gzip`, digest, size })),
    });
    const annotations = { "org.opencontainers.image.ref.name": name };
    return { mediaType: `${type}.manifest.v1+json`, ...manifest, annotations };
  });
  writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

/** `paths` in `count` runs of about the same number of bytes. */
export function splitBySize(directory: string, paths: readonly string[], count: number): readonly string[][] {
  const sizes = new Map(
    execFileSync("find", [".", "-mindepth", "1", "-printf", "%s %p\\0"], { cwd: directory, maxBuffer: 2 ** 28 })
      .toString()
      .split("\0")
      .slice(0, -1)
      .map((line) => [line.slice(line.indexOf(" ") + 1), Number(line.slice(0, line.indexOf(" ")))]),
  );
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const runs: string[][] = Array.from({ length: count }, () => []);
  let before = 0;
  for (const path of paths) {
    runs[Math.min(count - 1, Math.floor((before / total) * count))]?.push(path);
    before += sizes.get(path) ?? 0;
  }
  return runs;
}
