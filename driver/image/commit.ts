/**
 * `commit`: a container's changes become a layer on its image. The container is stopped only while its own files are
 * copied (as reflinks where the file system can); layer and snapshot are both made from that copy, so that they are the
 * same whatever the container does meanwhile, and nothing is extracted again.
 */
import type { ChainId, Digest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import type { Ingest } from "../content/content-store.ts";
import { type CreatedLayer, createLayer } from "../diff/create-layer.ts";
import type { LayerRow } from "../metadata/schema.ts";
import { chainIds } from "../oci/chain-id.ts";
import type { Compression } from "../oci/compression.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { encodeManifest } from "../oci/manifest.ts";
import type { AdoptedCapture, StagingDirectory } from "../snapshot/snapshotter.ts";
import { applyChanges } from "./change-instructions.ts";
import {
  commandLine,
  committedConfig,
  containerConfig,
  type ContainerSettings,
  type NewImageLayer,
  squashedConfig,
} from "./commit-config.ts";
import { createdTime, sourceDateEpoch } from "./created-time.ts";
import { storeFlattened } from "./flatten.ts";
import { hashBytes } from "./hash-bytes.ts";
import { namesOf } from "./image-names.ts";
import { type ImageStore, type OpenImage, recordImage } from "./image-store.ts";
import { publishIndex } from "./load.ts";
import { dropMountPoints } from "./mount-points.ts";
import { manifestFamily } from "./manifest-family.ts";
import { encodeRawConfig, objectAt, parseRawConfig, type RawObject } from "./raw-config.ts";
import { requireLayers } from "./require-layers.ts";
import { diffKind, stackWith } from "./stacks.ts";
import { lockStore } from "./store-lock.ts";
import type { UnpackContext } from "./unpack.ts";

export interface CommitOptions {
  /** A name with a tag; without one the image is only found by its ID. */
  readonly reference?: string | undefined;
  readonly message?: string | undefined;
  readonly author?: string | undefined;
  /** Dockerfile instructions, in order: see change-instructions.ts. */
  readonly changes?: readonly string[] | undefined;
  /** Of the new layer's blob; "gzip" by default. */
  readonly compression?: Compression | undefined;
  /** One layer with all that the container shows, in place of the image's layers and one more. */
  readonly squash?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Seconds since 1970: the image's time, and the latest of its files'. $SOURCE_DATE_EPOCH by default. */
  readonly sourceDateEpoch?: bigint | undefined;
}

export interface CommittedImage {
  readonly id: Digest;
  readonly manifestDigest: Digest;
  /** Canonical; empty without a reference. */
  readonly names: readonly string[];
  /** False when the container had changed nothing: the image has one more line of history and no more layers. */
  readonly hasNewLayer: boolean;
  /** What of the files no layer can hold, for people. */
  readonly warnings: readonly string[];
}

/** What commit needs to know of a container. */
export interface CommittedContainer {
  /** Also its snapshot's key. */
  readonly id: string;
  readonly name: string;
  readonly manifestDigest: Digest;
  readonly settings: ContainerSettings;
}

/** Runs `work` while nothing in the container runs. */
export type WhilePaused = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * @throws {StorageError} ERR_FAILED_PRECONDITION when the container's image is gone; ERR_INVALID_ARGUMENT for a change
 * or a reference; what createLayer throws. The store is then as it was before.
 */
export async function commitContainer(
  context: UnpackContext,
  container: CommittedContainer,
  whilePaused: WhilePaused,
  options: CommitOptions,
): Promise<CommittedImage> {
  const { signal, compression = "gzip" } = options;
  const names = namesOf(options.reference);
  const parent = await parentOf(context.images, container);
  const raw = parseRawConfig(await context.content.readSmall(parent.manifest.config));
  const settings = containerConfig(objectAt(raw, "config"), container.settings);
  const epoch = options.sourceDateEpoch ?? sourceDateEpoch();
  const created = createdTime(epoch);
  const describe = (diffId: Digest | null): RawObject => {
    const layer: NewImageLayer = {
      diffId,
      created,
      createdBy: commandLine(settings),
      comment: options.message ?? "",
      author: options.author ?? "",
    };
    const changes = options.changes ?? [];
    if (options.squash !== true) return committedConfig(raw, settings, layer, changes);
    return squashedConfig(raw, applyChanges(settings, changes), layer);
  };
  // Wrong changes are told before anything is copied.
  describe(null);

  await using captured = await whilePaused(() => context.snapshotter.capture(container.id));
  signal?.throwIfAborted();
  const top = parent.chainIds.at(-1) ?? "";
  const tree = `${captured.path}/fs`;
  const lowers = await context.snapshotter.lowerLayers(top);
  dropMountPoints(tree, lowers);
  if (options.squash === true) {
    const what = `layer of container ${container.name}`;
    const uppers = stackWith(context.snapshotter, tree, lowers);
    const wanted = { what, uppers, names, compression, epoch, signal, describe };
    const stored = await storeFlattened(context, wanted, () => requireLayers(context, parent));
    return { ...stored, hasNewLayer: true };
  }
  await using ingest = await context.content.startIngest(`commit ${crypto.randomUUID()}`);
  const layer = await createLayer(
    {
      what: `layer of container ${container.name}`,
      kind: await diffKind(context.snapshotter, top, tree),
      compression,
      ingestPath: ingest.path,
      sourceDateEpoch: epoch,
    },
    { signal },
  );
  signal?.throwIfAborted();
  const added = layer.changes === 0 ? null : layer;
  return await store(
    context,
    parent,
    { captured, ingest, layer: added, config: describe(added?.diffId ?? null) },
    names,
  );
}

async function parentOf(images: ImageStore, { name, manifestDigest }: CommittedContainer): Promise<OpenImage> {
  const found = images.all().find((image) => image.descriptor.digest === manifestDigest);
  if (found !== undefined) return images.open(found);
  throw new StorageError(
    "ERR_FAILED_PRECONDITION",
    `cannot commit container ${name}: its image ${manifestDigest} was removed`,
  );
}

interface Result {
  readonly captured: StagingDirectory;
  readonly ingest: Ingest;
  /** Null for no new layer. */
  readonly layer: CreatedLayer | null;
  readonly config: RawObject;
}

/** Makes blobs, snapshot and name visible together. */
async function store(
  { snapshotter, content, images }: UnpackContext,
  parent: OpenImage,
  { captured, ingest, layer, config }: Result,
  names: readonly string[],
): Promise<CommittedImage> {
  const family = manifestFamily(parent.manifest, layer?.mediaType);
  const configBytes = encodeRawConfig(config);
  const configDescriptor = { mediaType: family.configType, ...hashBytes(configBytes) };
  const added: readonly Descriptor[] =
    layer === null
      ? []
      : [{ mediaType: family.layerType(layer.mediaType), digest: layer.digest, size: layer.sizeBytes }];
  const manifestBytes = encodeManifest({
    mediaType: family.manifestType,
    config: configDescriptor,
    layers: [
      ...parent.manifest.layers.map((each) => ({ ...each, mediaType: family.layerType(each.mediaType) })),
      ...added,
    ],
  });
  const descriptor = { mediaType: family.manifestType, ...hashBytes(manifestBytes) };
  const top = layer === null ? null : topOf(parent, layer);
  {
    using _lock = await lockStore(content.root, "shared");
    await requireLayers({ content, snapshotter }, parent);
    if (layer !== null) await content.commitIngest(ingest.path, layer);
    await content.writeBlob(configBytes, { expected: configDescriptor });
    await content.writeBlob(manifestBytes, { expected: descriptor });
    await snapshotter.adopt(top === null ? [] : [top.adoption(captured.path)], (sql) => {
      recordImage(sql, descriptor, names, top === null ? [] : [top.row]);
    });
  }
  await publishIndex({ content, images });
  return {
    id: configDescriptor.digest,
    manifestDigest: descriptor.digest,
    names,
    hasNewLayer: layer !== null,
    warnings: layer?.warnings ?? [],
  };
}

function topOf(
  parent: OpenImage,
  layer: CreatedLayer,
): { readonly row: LayerRow; adoption(stagingDir: string): AdoptedCapture } {
  const below = parent.chainIds.at(-1) ?? "";
  const chain = chainIds([...parent.config.rootfs.diff_ids, layer.diffId]).at(-1) as ChainId; // one diffID at least
  return {
    row: {
      chain_id: chain,
      diff_id: layer.diffId,
      blob_digest: layer.digest,
      blob_size: layer.sizeBytes,
      parent_chain_id: below,
      inodes: layer.usage.inodes,
      size_bytes: layer.usage.sizeBytes,
    },
    adoption: (stagingDir) => ({ name: chain, parent: below, captured: { stagingDir, usage: layer.usage } }),
  };
}
