/**
 * image/ names things: which manifest a reference means, which layers that makes, who else shares them. Bytes are in
 * content/, files in snapshot/; here are the rows that tie them together.
 */
import { type ChainId, type Digest, encodedOf, isDigest, parseDigest, shortOf } from "../base/digest.ts";
import { StorageError, asStorageError } from "../base/errors.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { Database, Sql } from "../metadata/database.ts";
import type { ImageRow, LayerRow } from "../metadata/schema.ts";
import { chainIds } from "../oci/chain-id.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { parseReference, tryParseReference } from "../oci/reference.ts";
import { clockRealtimeNs } from "../sys/linux.ts";
import type { Ancestor } from "./history.ts";
import type { ImageDetails, ImageLayer, ImageSummary } from "./image-types.ts";

/** One manifest with its names: rows of the images table folded by manifest. */
export interface StoredImage {
  readonly descriptor: Descriptor;
  /** Canonical references; empty when the image has lost its last one. */
  readonly names: readonly string[];
  readonly createdNs: bigint;
}

/** A stored image with its documents read. */
export interface OpenImage extends StoredImage {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Bottom first, one a layer. */
  readonly chainIds: readonly ChainId[];
}

/** A stored image of which a document is missing or not what its digest says. */
export interface DamagedImage extends StoredImage {
  readonly damage: string;
}

/** Every blob that the image needs: manifest, config, layers. */
export function blobsOf({ descriptor, manifest }: OpenImage): Digest[] {
  return [descriptor.digest, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)];
}

export class ImageStore {
  readonly #database: Database;
  readonly #content: ContentStore;

  constructor(database: Database, content: ContentStore) {
    this.#database = database;
    this.#content = content;
  }

  /** Every image once, those named last first. */
  all(): readonly StoredImage[] {
    const rows = this.#database.read((sql) => sql.all<ImageRow>("SELECT * FROM images ORDER BY updated_ns DESC, name"));
    const byManifest = Map.groupBy(rows, (row) => row.manifest_digest);
    return [...byManifest.values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      return {
        descriptor: { mediaType: first.media_type, digest: parseDigest(first.manifest_digest), size: first.size },
        names: group.map((row) => row.name).filter((name) => !isDigest(name)),
        createdNs: first.created_ns,
      };
    });
  }

  /** @throws {StorageError} ERR_DATA_LOSS when a document is missing or damaged. */
  async open(image: StoredImage): Promise<OpenImage> {
    const manifest = parseManifest(await this.#content.readSmall(image.descriptor), image.descriptor);
    const config = parseImageConfig(await this.#content.readSmall(manifest.config), manifest.config);
    return { ...image, manifest, config, chainIds: chainIds(config.rootfs.diff_ids) };
  }

  /** All images, and of those that cannot be opened why. */
  async openAll(): Promise<{ readonly readable: readonly OpenImage[]; readonly damaged: readonly DamagedImage[] }> {
    const damaged: DamagedImage[] = [];
    const opened = this.all().map((image) =>
      this.open(image).catch((error: unknown) => {
        damaged.push({ ...image, damage: asStorageError(error).message });
        return undefined;
      }),
    );
    const readable = (await Promise.all(opened)).filter((image) => image !== undefined);
    return { readable, damaged };
  }

  /**
   * By name as Docker writes it, by ImageID or manifest digest, or by the first digits of either.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT when the digits fit several images; ERR_DATA_LOSS when
   * a document of it is missing or damaged.
   */
  async find(reference: string): Promise<OpenImage> {
    return this.open(await this.locate(reference));
  }

  /** As {@link find}, also an image whose documents are damaged. */
  async locate(reference: string): Promise<StoredImage> {
    const images = this.all();
    const name = tryParseReference(reference)?.canonical;
    const named = name === undefined ? undefined : images.find((image) => image.names.includes(name));
    if (named !== undefined) return named;

    const digits = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(reference)?.[1];
    const fits = (digest: Digest): boolean => digits !== undefined && encodedOf(digest).startsWith(digits);
    const { readable, damaged } = digits === undefined ? { readable: [], damaged: [] } : await this.openAll();
    const [match, other] = [
      ...readable.filter(({ manifest, descriptor }) => fits(manifest.config.digest) || fits(descriptor.digest)),
      ...damaged.filter(({ descriptor }) => fits(descriptor.digest)),
    ];
    if (match === undefined) {
      throw new StorageError("ERR_NOT_FOUND", `cannot find image ${reference}: no such image`, {
        details: { reference },
      });
    }
    if (other !== undefined) {
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot find image ${reference}: several images start so`);
    }
    return match;
  }

  async tag(source: string, target: string): Promise<void> {
    const { tag, digest, canonical } = parseReference(target);
    if (tag === undefined || digest !== undefined) {
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot tag as ${target}: a tag has no digest`);
    }
    const image = await this.find(source);
    this.#database.write((sql) => {
      recordImage(sql, image.descriptor, [canonical], []);
    });
  }

  /** Drops these names, or all rows of the manifest for "all". */
  forget(image: StoredImage, names: readonly string[] | "all"): void {
    this.#database.write((sql) => {
      if (names === "all") sql.run("DELETE FROM images WHERE manifest_digest = ?", image.descriptor.digest);
      else for (const name of names) sql.run("DELETE FROM images WHERE name = ?", name);
    });
  }

  layerRow(chainId: ChainId): LayerRow | undefined {
    return this.#database.read((sql) => sql.get<LayerRow>("SELECT * FROM layers WHERE chain_id = ?", chainId));
  }

  layerRows(): ReadonlyMap<string, LayerRow> {
    const rows = this.#database.read((sql) => sql.all<LayerRow>("SELECT * FROM layers"));
    return new Map(rows.map((row) => [row.chain_id, row]));
  }

  forgetLayers(chains: readonly ChainId[]): void {
    this.#database.write((sql) => {
      for (const chain of chains) sql.run("DELETE FROM layers WHERE chain_id = ?", chain);
    });
  }

  async summaries(): Promise<readonly ImageSummary[]> {
    const rows = this.layerRows();
    const { readable, damaged } = await this.openAll();
    return [...readable.map((image) => summaryOf(image, rows)), ...damaged.map(damagedSummaryOf)];
  }

  /** Every image that others may have been made from. */
  async ancestors(): Promise<readonly Ancestor[]> {
    const { readable } = await this.openAll();
    return readable.map(({ manifest, config }) => ({ id: manifest.config.digest, config }));
  }

  async details(reference: string): Promise<ImageDetails> {
    const image = await this.find(reference);
    const rows = this.layerRows();
    const { readable } = await this.openAll();
    const others = readable.filter((other) => other.descriptor.digest !== image.descriptor.digest);
    const layers = image.manifest.layers.map((descriptor, at): ImageLayer => {
      const chainId = image.chainIds[at] as ChainId; // as many as layers: checked when the image was recorded
      const row = rows.get(chainId);
      return {
        descriptor,
        chainId,
        diffId: image.config.rootfs.diff_ids[at] as Digest,
        unpackedBytes: row?.size_bytes ?? 0,
        inodes: row?.inodes ?? 0,
        sharedBy: others.filter((other) => other.chainIds.includes(chainId)).map(labelOf),
      };
    });
    return { ...summaryOf(image, rows), manifest: image.manifest, config: image.config, layers };
  }
}

function labelOf(image: OpenImage): string {
  const [name] = image.names;
  return name === undefined ? shortOf(image.manifest.config.digest) : parseReference(name).familiar;
}

function damagedSummaryOf({ names, descriptor: { digest }, damage }: DamagedImage): ImageSummary {
  return { names, id: digest, manifestDigest: digest, created: null, sizeBytes: 0, damage };
}

function summaryOf(image: OpenImage, rows: ReadonlyMap<string, LayerRow>): ImageSummary {
  return {
    names: image.names,
    id: image.manifest.config.digest,
    manifestDigest: image.descriptor.digest,
    created: image.config.created ?? null,
    sizeBytes: image.chainIds.reduce((sum, chain) => sum + (rows.get(chain)?.size_bytes ?? 0), 0),
  };
}

/** Points `names` at `descriptor`, in a transaction of the caller's; with none the image is kept untagged. */
export function recordImage(
  sql: Sql,
  descriptor: Descriptor,
  names: readonly string[],
  layers: readonly LayerRow[],
): void {
  recordLayers(sql, layers);
  if (names.length === 0 && !hasRows(sql, descriptor.digest)) putImage(sql, descriptor.digest, descriptor);
  for (const name of names) {
    keepDangling(sql, name);
    putImage(sql, name, descriptor);
  }
  if (names.length > 0) sql.run("DELETE FROM images WHERE name = ?", descriptor.digest);
}

function hasRows(sql: Sql, manifest: Digest): boolean {
  return sql.get("SELECT 1 FROM images WHERE manifest_digest = ? LIMIT 1", manifest) !== undefined;
}

function putImage(sql: Sql, name: string, { digest, mediaType, size }: Descriptor): void {
  const now = clockRealtimeNs();
  sql.run(
    `INSERT INTO images (name, manifest_digest, media_type, size, created_ns, updated_ns) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET manifest_digest = excluded.manifest_digest, media_type = excluded.media_type,
       size = excluded.size, updated_ns = excluded.updated_ns`,
    name,
    digest,
    mediaType,
    size,
    now,
    now,
  );
}

/** The image that `name` moves away from stays, untagged, as Docker keeps it. */
function keepDangling(sql: Sql, name: string): void {
  const row = sql.get<ImageRow>("SELECT * FROM images WHERE name = ?", name);
  if (row === undefined) return;
  const rest = sql.get("SELECT 1 FROM images WHERE manifest_digest = ? AND name <> ?", row.manifest_digest, name);
  if (rest !== undefined) return;
  const digest = parseDigest(row.manifest_digest);
  putImage(sql, digest, { digest, mediaType: row.media_type, size: row.size });
}

/** Unpacked layers, in a transaction of the caller's; those that are known stay as they are. */
export function recordLayers(sql: Sql, layers: readonly LayerRow[]): void {
  for (const layer of layers) {
    sql.run(
      `INSERT INTO layers (chain_id, diff_id, blob_digest, blob_size, parent_chain_id, inodes, size_bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chain_id) DO NOTHING`,
      layer.chain_id,
      layer.diff_id,
      layer.blob_digest,
      layer.blob_size,
      layer.parent_chain_id,
      layer.inodes,
      layer.size_bytes,
    );
  }
}
