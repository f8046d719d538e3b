/** A set of images on shared bases, of this machine's own files, pushed to a registry. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

export interface SetWish {
  readonly images: number;
  readonly bases: number;
  readonly baseMegabytes: number;
  readonly ownMegabytes: number;
  /** For what is made on the way. */
  readonly folder: string;
  /** "127.0.0.1:41234" */
  readonly host: string;
}

export interface MadeSet {
  readonly references: readonly string[];
  /** Unpacked bytes of each image, as if it stood alone. */
  readonly logicalBytes: readonly number[];
  readonly uniqueBytes: number;
}

interface Layer {
  readonly digest: string;
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly tarBytes: number;
}

const type = "application/vnd.oci.image";

export async function makeSet(wish: SetWish): Promise<MadeSet> {
  const { images, bases, baseMegabytes, ownMegabytes, host } = wish;
  const roots = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/bin", "/usr/share"];
  const candidates = roots.flatMap((root) => {
    if (!existsSync(root)) return [];
    return readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() || entry.isFile() ? [join(root, entry.name)] : [],
    );
  });
  const sizes = new Map(candidates.map((path) => [path, megabytesOf(path)]));
  const baseLayers: Layer[] = [];
  for (let at = 0; at < bases; at++) {
    baseLayers.push(await layerOf(choose(candidates, sizes, baseMegabytes, at + 1), `base ${at}`, wish));
  }
  const shared = candidates.filter((path) => path.startsWith("/usr/share/"));
  const references: string[] = [];
  const logicalBytes: number[] = [];
  let uniqueBytes = baseLayers.reduce((sum, { tarBytes }) => sum + tarBytes, 0);
  for (let at = 0; at < images; at++) {
    const own = await layerOf(choose(shared, sizes, ownMegabytes, 1000 + at), `image ${at}`, wish);
    const base = baseLayers[at % bases];
    const layers = base === undefined ? [own] : [base, own];
    await putImage(host, at, layers);
    references.push(`${host}/set/image${at}:1`);
    logicalBytes.push(layers.reduce((sum, { tarBytes }) => sum + tarBytes, 0));
    uniqueBytes += own.tarBytes;
  }
  return { references, logicalBytes, uniqueBytes };
}

function megabytesOf(path: string): number {
  return Number(execFileSync("du", ["-sxm", path], { encoding: "utf8" }).split("\t")[0]);
}

/** The same for the same seed. */
function choose(
  candidates: readonly string[],
  sizes: ReadonlyMap<string, number>,
  megabytes: number,
  seed: number,
): readonly string[] {
  const keyed = candidates.map((path) => ({ path, key: createHash("sha1").update(`${seed} ${path}`).digest("hex") }));
  const chosen: string[] = [];
  let sum = 0;
  for (const { path } of keyed.toSorted((a, b) => a.key.localeCompare(b.key))) {
    const size = sizes.get(path) ?? 0;
    // One path inside another would be in the tar twice.
    const isDoubled = chosen.some((other) => path.startsWith(`${other}/`) || other.startsWith(`${path}/`));
    if (isDoubled || sum + size > megabytes * 1.1) continue;
    chosen.push(path);
    sum += size;
    if (sum >= megabytes) break;
  }
  return chosen;
}

/** With a file that no other layer has, so that no two are the same. */
async function layerOf(paths: readonly string[], name: string, { folder, host }: SetWish): Promise<Layer> {
  const tar = join(folder, "layer.tar");
  const relative = paths.map((path) => path.slice(1));
  const label = ["--transform", `s,^etc/hostname$,etc/layer-${name.replace(" ", "-")},`, "etc/hostname"];
  const words = [
    "-C",
    "/",
    "--numeric-owner",
    "--sort=name",
    "--ignore-failed-read",
    "-cf",
    tar,
    ...label,
    ...relative,
  ];
  execFileSync("tar", words, { stdio: "ignore" });
  const diffId = sha256Of(tar);
  const tarBytes = statSync(tar).size;
  execFileSync("gzip", ["-1", "-n", tar]);
  const bytes = readFileSync(`${tar}.gz`);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  await putBlob(host, digest, bytes);
  rmSync(`${tar}.gz`);
  return { digest, diffId, sizeBytes: bytes.length, tarBytes };
}

function sha256Of(path: string): string {
  return `sha256:${execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64)}`;
}

async function send(method: string, url: string | URL, body?: Uint8Array, mediaType?: string): Promise<Response> {
  const answer = await fetch(url, {
    method,
    ...(body && { body: new Uint8Array(body) }),
    headers: { "content-type": mediaType ?? "application/octet-stream" },
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${method} ${String(url)}: ${answer.status}`);
  return answer;
}

/** Blobs lie in one repository, and are mounted into the others. */
async function putBlob(host: string, digest: string, bytes: Uint8Array): Promise<void> {
  const { headers } = await send("POST", `http://${host}/v2/set/blobs/blobs/uploads/`);
  const url = new URL(headers.get("location") ?? "", `http://${host}`);
  url.searchParams.set("digest", digest);
  await send("PUT", url, bytes);
}

async function putImage(host: string, at: number, layers: readonly Layer[]): Promise<void> {
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Cmd: ["sh"], Labels: { at: String(at) } },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const configDigest = `sha256:${createHash("sha256").update(config).digest("hex")}`;
  await putBlob(host, configDigest, config);
  for (const digest of [configDigest, ...layers.map((layer) => layer.digest)]) {
    await send("POST", `http://${host}/v2/set/image${at}/blobs/uploads/?mount=${digest}&from=set/blobs`);
  }
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${type}.manifest.v1+json`,
      config: { mediaType: `${type}.config.v1+json`, digest: configDigest, size: config.length },
      layers: layers.map(({ digest, sizeBytes }) => ({
        mediaType: `${type}.layer.v1.tar+gzip`,
        digest,
        size: sizeBytes,
      })),
    }),
  );
  await send("PUT", `http://${host}/v2/set/image${at}/manifests/1`, manifest, `${type}.manifest.v1+json`);
}
