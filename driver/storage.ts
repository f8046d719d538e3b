/**
 * The composition root: builds a store from its options, and owns how long its parts live. What not every command needs
 * is loaded when it is asked for: it is the better part of a short command's time.
 */
import { readFileSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Digest } from "./base/digest.ts";
import { asStorageError, hasCode } from "./base/errors.ts";
import { noLogger } from "./base/logger.ts";
import { openContainers } from "./container/open-containers.ts";
import { openContentStore } from "./content/open-store.ts";
import type { ImageMounts } from "./image/image-mounts.ts";
import { ImageStore } from "./image/image-store.ts";
import type { LoadedImage } from "./image/image-types.ts";
import type { UnpackContext } from "./image/unpack.ts";
import type { LayerPool } from "./layer/layer-pool.ts";
import { type Database, openDatabase } from "./metadata/database.ts";
import { parseReference } from "./oci/reference.ts";
import type { RegistryClient } from "./registry/registry-client.ts";
import { backendAtRest } from "./snapshot/at-rest.ts";
import type { BackendChoice } from "./snapshot/choose-backend.ts";
import { lazySnapshotter } from "./snapshot/lazy-snapshotter.ts";
import { detectPrivileges, type Privileges } from "./sys/privileges.ts";
import type { Images, LoadOptions, Storage, StorageInfo, StorageOptions } from "./storage-types.ts";

/** Less than of a pull: containerd is there to do the work. */
const remotePatience = { attempts: 3, longestRetryAfterMs: 10_000 };
const monitorFile = join(import.meta.dirname, import.meta.url.endsWith(".ts") ? "monitor.ts" : "monitor.js");

/**
 * Opens a store, made if it does not exist.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for a backend that cannot work here, or a store of a newer version;
 * ERR_PERMISSION_DENIED; ERR_DATA_LOSS for a damaged database.
 */
export async function createStorage(options: StorageOptions = {}): Promise<Storage> {
  const privileges = detectPrivileges();
  const { root, state } = placesOf(options, privileges);
  const durability = options.durability ?? "full";
  const logger = options.logger ?? noLogger;
  try {
    for (const place of [root, state]) await mkdir(place, { recursive: true, mode: 0o700 });
    await chmod(root, 0o700);
  } catch (error) {
    throw asStorageError(error, `cannot open store ${root}`);
  }

  await using scope = new AsyncDisposableStack();
  const database = scope.use(openDatabase(join(root, "laminate.db"), { durability }));
  const choice = await chooseBackend(options.backend ?? "auto", root, database, privileges);
  const snapshotter = lazySnapshotter(choice.backend, async () =>
    (await import("./snapshot/open-snapshotter.ts")).openSnapshotter({
      ...{ root, database, backend: choice.backend, durability, privileges, logger },
      slowWork: options.slowWork ?? "inline",
    }),
  );
  scope.use(snapshotter);
  // Refuses what is not to be mixed, and collects what was left.
  if (!choice.isAtRest) await snapshotter.cleanup();
  const content = await openContentStore({ root, durability });
  let openedPool: Promise<LayerPool> | undefined;
  const pool = (): Promise<LayerPool> => (openedPool ??= openPool(options));
  scope.defer(async () => (await openedPool)?.[Symbol.asyncDispose]());
  const imageStore = new ImageStore(database, content);
  const stored = { snapshotter, content, images: imageStore, privileges };
  /** For what makes layers, or unpacks them. */
  const context = async (): Promise<UnpackContext> => ({ ...stored, pool: await pool() });
  const containers = await openContainers({
    root,
    state,
    database,
    snapshotter,
    images: { get: (reference) => imageStore.details(reference) },
    privileges,
    monitor: { file: monitorFile, order: { root, state, backend: choice.backend, durability } },
    // What a forced removal of its image left to a container goes with the last one.
    onRemoved: async ({ manifestDigest }) => {
      const known = imageStore.all().some((image) => image.descriptor.digest === manifestDigest);
      if (!known) await (await import("./image/remove.ts")).sweep(stored);
    },
  });
  const containersOf = (manifest: Digest): readonly string[] =>
    database.read((sql) =>
      sql
        .all<{ name: string }>("SELECT name FROM containers WHERE image_digest = ? ORDER BY name", manifest)
        .map((row) => row.name),
    );
  const containerNamed = async (name: string): Promise<string | undefined> => {
    try {
      return (await containers.get(name)).id;
    } catch (error) {
      if (hasCode(error, "ERR_NOT_FOUND")) return undefined;
      throw error;
    }
  };
  const mounts = async (): Promise<ImageMounts> =>
    new (await import("./image/image-mounts.ts")).ImageMounts(state, imageStore, snapshotter, privileges);

  const images: Images = {
    list: () => imageStore.summaries(),
    get: (reference) => imageStore.details(reference),
    history: async (reference) =>
      (await import("./image/history.ts")).historyOf(await imageStore.details(reference), await imageStore.ancestors()),
    tag: async (source, target) => {
      await imageStore.tag(source, target);
      await (await import("./image/load.ts")).publishIndex(stored);
    },
    flatten: async (reference, options = {}) =>
      (await import("./image/flatten.ts")).flattenImage(await context(), reference, options),
    prune: async (options = {}) => (await import("./image/prune.ts")).pruneImages(stored, options, containersOf),
    remove: async (reference, { force = false } = {}) =>
      (await import("./image/remove.ts")).removeImage(stored, reference, { force, containersOf }),
  };

  if (content.hadUnfinished) await (await import("./image/remove.ts")).recover(stored);
  const open = scope.move();
  return {
    root,
    state,
    images,
    snapshots: snapshotter,
    containers,
    load: async (locator, loadOptions = {}) => load(await context(), locator, root, loadOptions),
    pull: (reference, { client, containerd, ...pullOptions } = {}) =>
      withRegistry(client, async (registry) => {
        const parsed = parseReference(reference);
        if (containerd === undefined) {
          return (await import("./image/pull.ts")).pullImage(await context(), registry, parsed, pullOptions);
        }
        const { openTarget } = await import("./containerd/target.ts");
        using target = openTarget(containerd, pullOptions.signal);
        return await target.pull({ ...(await context()), root }, registry, parsed, pullOptions);
      }),
    push: (reference, { client, ...pushOptions } = {}) =>
      withRegistry(client, async (registry) =>
        (await import("./image/push.ts")).pushImage(await context(), registry, reference, pushOptions),
      ),
    commit: async (wanted, { pause = true, ...commitOptions } = {}) => {
      const { id, name, manifestDigest, process, host } = await containers.get(wanted);
      return (await import("./image/commit.ts")).commitContainer(
        await context(),
        { id, name, manifestDigest, settings: { ...process, labels: host.labels } },
        (work) => (pause ? containers.pauseWhile(id, work) : work()),
        commitOptions,
      );
    },
    export: (wanted, target, { signal } = {}) =>
      containers.withRoot(wanted, async (root) =>
        (await import("./archive/copy.ts")).exportRoot({ name: wanted, root, privileges }, target, signal),
      ),
    copyFrom: (wanted, path, target, copyOptions = {}) =>
      containers.withRoot(wanted, async (root) =>
        (await import("./archive/copy.ts")).copyOut({ name: wanted, root, privileges }, path, target, copyOptions),
      ),
    copyTo: (wanted, source, path, copyOptions = {}) =>
      containers.withRoot(wanted, async (root) =>
        (await import("./archive/copy.ts")).copyIn({ name: wanted, root, privileges }, source, path, copyOptions),
      ),
    import: async (source, importOptions = {}) =>
      (await import("./image/import.ts")).importImage(await context(), source, importOptions),
    save: async (references, target, saveOptions = {}) => {
      const { saveArchive, saveLayout } = await import("./image/save.ts");
      return typeof target === "string"
        ? saveLayout(stored, references, target, saveOptions)
        : saveArchive(stored, references, target, saveOptions);
    },
    diff: async (wanted, other) => {
      const container = await containerNamed(wanted);
      if (container !== undefined && other === undefined) {
        return (await import("./image/container-changes.ts")).containerChanges(snapshotter, container);
      }
      return (await import("./image/differences.ts")).differences(stored, containerNamed, wanted, other);
    },
    mountImage: async (reference) => (await mounts()).mount(reference),
    unmountImage: async (reference) => (await mounts()).unmount(reference),
    diskUsage: async () => {
      const listed = await containers.list();
      const sizes = await Promise.all(
        listed.map(async ({ id, name }) => ({ id, name, sizeBytes: (await snapshotter.usage(id)).sizeBytes })),
      );
      const { diskUsage } = await import("./image/disk-usage.ts");
      return diskUsage({ images: imageStore, content }, sizes, containersOf);
    },
    serve: async (address, { containerd, remote, ...serveOptions } = {}) => {
      const [{ serveStorage }, { storeServices }, registry] = await Promise.all([
        import("./serve.ts"),
        import("./containerd/services.ts"),
        remote && import("./registry/registry-client.ts"),
      ]);
      const openClient =
        registry && ((): RegistryClient => new registry.RegistryClient({ patience: remotePatience, ...remote }));
      const services = storeServices({ ...(await context()), root }, { address: containerd, openClient, logger });
      return serveStorage(services, address, { ...serveOptions, logger });
    },
    info: async (): Promise<StorageInfo> => {
      const [{ engine }, { coreModule }, { findRuntime }, { kernelFeatures }] = await Promise.all([
        pool(),
        import("./wasm/core.ts"),
        import("./container/runtime.ts"),
        import("./sys/kernel.ts"),
      ]);
      let snapshots = 0;
      for await (const _ of snapshotter.walk()) snapshots++;
      return {
        version: packageVersion(),
        root,
        state,
        backend: choice.backend,
        backendReason: choice.reason,
        digestEngine: engine.engine,
        digestReason: engine.reason,
        wasmSimd: coreModule().simd,
        kernel: kernelFeatures(),
        runtime: findRuntime(),
        images: imageStore.all().length,
        containers: (await containers.list()).length,
        snapshots,
      };
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function openPool({ digest = "auto", limits, threads }: StorageOptions): Promise<LayerPool> {
  const [{ LayerPool: Pool }, { defaultLayerLimits }] = await Promise.all([
    import("./layer/layer-pool.ts"),
    import("./layer/tasks.ts"),
  ]);
  return new Pool({ engine: digest, limits: { ...defaultLayerLimits, ...limits }, threads });
}

/** A store with snapshots stays with what they are; how it was chosen is asked for rarely. */
async function chooseBackend(
  wanted: "auto" | "overlay" | "copy",
  root: string,
  database: Database,
  privileges: Privileges,
): Promise<BackendChoice & { readonly isAtRest: boolean }> {
  const backend = backendAtRest(wanted, root, database, privileges);
  if (backend !== undefined) {
    const reason = wanted === "auto" ? `the store's snapshots are ${backend}` : "asked for";
    return { backend, reason, isAtRest: true };
  }
  const choices = await import("./snapshot/choose-backend.ts");
  return { ...choices.chooseBackend(wanted, root, privileges), isAtRest: false };
}

/** A client of the caller's, or one of our own that is closed afterwards; loaded when first needed. */
async function withRegistry<T>(
  given: RegistryClient | undefined,
  work: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  if (given !== undefined) return work(given);
  const { RegistryClient: Client } = await import("./registry/registry-client.ts");
  await using client = new Client();
  return await work(client);
}

async function load(
  context: UnpackContext,
  locator: string,
  root: string,
  { signal, onProgress, platform, containerd }: LoadOptions,
): Promise<readonly LoadedImage[]> {
  const [{ openImageSource }, { loadImage }] = await Promise.all([
    import("./image/sources/open-source.ts"),
    import("./image/load.ts"),
  ]);
  await using source = await openImageSource(locator, {
    spoolDir: join(context.content.root, "ingest"),
    ...(platform !== undefined && { platform }),
    ...(signal && { signal }),
  });
  const loaded: LoadedImage[] = [];
  using target = containerd && (await import("./containerd/target.ts")).openTarget(containerd, signal);
  for (const image of source.images) {
    const unpackOptions = { signal, onProgress };
    const one = target
      ? target.load({ ...context, root }, image, unpackOptions)
      : loadImage(context, image, unpackOptions);
    loaded.push(await one);
  }
  return loaded;
}

/**
 * Root keeps its store where system services do; a user's follows the XDG base directories. A root chosen by the caller
 * brings its state along, so that two stores never meet in one state directory by default.
 */
function placesOf(options: StorageOptions, { uid }: Privileges): { root: string; state: string } {
  const { env } = process;
  const isRoot = uid === 0;
  const chosen = options.root ?? env["LAMINATE_ROOT"];
  const data = isRoot ? "/var/lib" : (env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"));
  const root = resolve(chosen ?? join(data, "laminate"));
  const runtime = chosen === undefined ? (isRoot ? "/run" : env["XDG_RUNTIME_DIR"]) : undefined;
  const state =
    options.state ?? env["LAMINATE_STATE"] ?? (runtime === undefined ? join(root, "state") : join(runtime, "laminate"));
  return { root, state: resolve(state) };
}

/** Where the package lies is known here only: driver/ and dist/ are both one level below it. */
export function packageVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
