/**
 * Images of one layer that stands on nothing: what `import` and flattening make. The layer goes the way of all layers,
 * through a thread of the pool that hashes and lays it down in one pass; what it is called is what came out of that.
 */
import type { ChainId, DiffId, Digest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import { settleLayer } from "../extract/settle.ts";
import type { SettledLayer } from "../extract/staged-layer.ts";
import { verifiedLayer } from "../layer/verified-layer.ts";
import type { AppliedLayer, LayerFile } from "../layer/tasks.ts";
import { chainIds } from "../oci/chain-id.ts";
import { mediaTypes } from "../oci/media-type.ts";
import type { RawObject } from "./raw-config.ts";
import { storeImage } from "./store-image.ts";
import type { UnpackContext } from "./unpack.ts";

export interface SoleLayerOrder {
  /** Names the layer in errors. */
  readonly what: string;
  readonly file: LayerFile;
  /** Null for what nobody has promised anything about. */
  readonly expected: { readonly digest: Digest; readonly diffId: DiffId } | null;
  /** An ingest that is `file` itself, or receives its bytes. */
  readonly ingestPath: string;
  readonly signal?: AbortSignal | undefined;
}

export interface SoleLayer {
  readonly applied: AppliedLayer;
  readonly settled: SettledLayer;
  readonly ingestPath: string;
}

/**
 * Lays the layer down in a staging directory that `scope` disposes of; nothing is visible yet.
 * @throws {StorageError} as {@link import("../layer/layer-pool.ts").LayerPool.apply}.
 */
export async function readSoleLayer(
  { snapshotter, pool, privileges }: UnpackContext,
  { what, file, expected, ingestPath, signal }: SoleLayerOrder,
  scope: AsyncDisposableStack,
): Promise<SoleLayer> {
  const staging = scope.use(await snapshotter.stage());
  const order = {
    what,
    file,
    expectedDigest: expected?.digest ?? null,
    expectedDiffId: expected?.diffId ?? null,
    stagingDir: staging.path,
    ingestPath: file.path === ingestPath ? null : ingestPath,
    redirects: [],
  };
  const applied = await pool.apply(order, { signal, isUrgent: true });
  const outcome = settleLayer([], verifiedLayer(applied, staging.path), privileges);
  if ("settled" in outcome) return { applied, settled: outcome.settled, ingestPath };
  throw new StorageError("ERR_INTERNAL", `cannot settle ${what}: it has no layers below that could lead elsewhere`);
}

/** See {@link storeImage}. `recheck` throws when what the layer was made from went meanwhile. */
export async function storeSoleImage(
  context: Pick<UnpackContext, "snapshotter" | "content" | "images">,
  { applied, settled, ingestPath }: SoleLayer,
  {
    config,
    mediaType,
    names,
  }: { readonly config: RawObject; readonly mediaType: string; readonly names: readonly string[] },
  recheck: () => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly id: Digest; readonly manifestDigest: Digest }> {
  const { digest, diffId, sizeBytes } = applied;
  const name: ChainId = chainIds([diffId])[0] ?? diffId;
  const family = { manifestType: mediaTypes.ociManifest, configType: mediaTypes.ociConfig };
  return await storeImage(
    context,
    { config, family, layers: [{ mediaType, digest, size: sizeBytes }], names },
    { blob: applied, ingestPath, usage: settled.usage, adoption: { name, parent: "", settled } },
    recheck,
  );
}
