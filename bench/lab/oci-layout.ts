/** Writes an image as an OCI layout folder, with nothing of laminate: what it loads was made by a stranger. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";

export interface LayerEntry {
  readonly path: string;
  readonly mode: number;
  /** Absent for a directory or a symlink. */
  readonly data?: Uint8Array;
  readonly linkTarget?: string;
}

export interface Layer {
  readonly createdBy: string;
  readonly diffId: string;
  readonly compressed: Uint8Array;
}

const fixedTime = new Date("2024-01-01T00:00:00Z");

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Folders come before what is in them, named once. */
function withParents(entries: readonly LayerEntry[]): LayerEntry[] {
  const seen = new Set(entries.filter((entry) => entry.data === undefined).map((entry) => entry.path));
  const result: LayerEntry[] = [];
  for (const entry of entries) {
    const missing: LayerEntry[] = [];
    for (let at = posix.dirname(entry.path); at !== "." && !seen.has(at); at = posix.dirname(at)) {
      seen.add(at);
      missing.unshift({ path: at, mode: 0o755 });
    }
    result.push(...missing, entry);
  }
  return result;
}

export async function buildLayer(createdBy: string, entries: readonly LayerEntry[]): Promise<Layer> {
  const archive = pack();
  const collected = buffer(archive);
  for (const { path, mode, data, linkTarget } of withParents(entries)) {
    const common = { name: path, mode, mtime: fixedTime };
    if (linkTarget !== undefined) archive.entry({ ...common, type: "symlink", linkname: linkTarget });
    else if (data === undefined) archive.entry({ ...common, type: "directory" });
    else archive.entry({ ...common, type: "file" }, Buffer.from(data));
  }
  archive.finalize();
  const tar = await collected;
  return { createdBy, diffId: sha256(tar), compressed: gzipSync(tar, { level: 1 }) };
}

export function writeImage(folder: string, name: string, layers: readonly Layer[], command: readonly string[]): void {
  const blobs = join(folder, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const store = (mediaType: string, bytes: Uint8Array): { mediaType: string; digest: string; size: number } => {
    const digest = sha256(bytes);
    writeFileSync(join(blobs, digest.slice("sha256:".length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const created = new Date().toISOString();
  const config = store(
    "application/vnd.oci.image.config.v1+json",
    json({
      created,
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Env: ["PATH=/usr/bin:/bin"], Cmd: command, WorkingDir: "/app" },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
      history: [
        ...layers.map((layer) => ({ created, created_by: layer.createdBy })),
        { created, created_by: `CMD ${JSON.stringify(command)}`, empty_layer: true },
      ],
    }),
  );
  const manifest = store(
    "application/vnd.oci.image.manifest.v1+json",
    json({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config,
      layers: layers.map((layer) => store("application/vnd.oci.image.layer.v1.tar+gzip", layer.compressed)),
    }),
  );
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": "latest" };
  writeFileSync(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(folder, "index.json"), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
}
