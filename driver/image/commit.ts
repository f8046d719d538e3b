/**
 * `commit`: a container's changes become a layer on its image. The container is stopped only while its own files are
 * copied (as reflinks where the file system can); layer and snapshot are both made from that copy, so that they are the
 * same whatever the container does meanwhile, and nothing is extracted again.
 */
import type { ChainId, Digest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import type { Ingest } from "../content/content-store.ts";
import { type CreatedLayer, createLayer } from "../diff/create-layer.ts";
import { chainIds } from "../oci/chain-id.ts";
import type { Compression } from "../oci/compression.ts";
import type { StagingDirectory } from "../snapshot/snapshotter.ts";
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
import { namesOf } from "./image-names.ts";
import type { ImageStore, OpenImage } from "./image-store.ts";
import { dropMountPoints } from "./mount-points.ts";
import { manifestFamily } from "./manifest-family.ts";
import { objectAt, parseRawConfig, type RawObject } from "./raw-config.ts";
import { requireLayers } from "./require-layers.ts";
import { diffKind, stackWith } from "./stacks.ts";
import { type NewLayer, storeImage } from "./store-image.ts";
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
  const family = manifestFamily(parent.manifest, added?.mediaType);
  const layers = parent.manifest.layers.map((each) => ({ ...each, mediaType: family.layerType(each.mediaType) }));
  if (added !== null) {
    layers.push({ mediaType: family.layerType(added.mediaType), digest: added.digest, size: added.sizeBytes });
  }
  const stored = await storeImage(
    context,
    { config: describe(added?.diffId ?? null), family, layers, names },
    added === null ? null : onTopOf(parent, added, { captured, ingest }),
    () => requireLayers(context, parent),
  );
  return { ...stored, names, hasNewLayer: added !== null, warnings: added?.warnings ?? [] };
}

async function parentOf(images: ImageStore, { name, manifestDigest }: CommittedContainer): Promise<OpenImage> {
  const found = images.all().find((image) => image.descriptor.digest === manifestDigest);
  if (found !== undefined) return images.open(found);
  throw new StorageError(
    "ERR_FAILED_PRECONDITION",
    `cannot commit container ${name}: its image ${manifestDigest} was removed`,
  );
}

function onTopOf(
  parent: OpenImage,
  layer: CreatedLayer,
  { captured, ingest }: { readonly captured: StagingDirectory; readonly ingest: Ingest },
): NewLayer {
  const below = parent.chainIds.at(-1) ?? "";
  const chain = chainIds([...parent.config.rootfs.diff_ids, layer.diffId]).at(-1) as ChainId; // one diffID at least
  const { usage } = layer;
  return {
    blob: layer,
    ingestPath: ingest.path,
    usage,
    adoption: { name: chain, parent: below, captured: { stagingDir: captured.path, usage } },
  };
}
