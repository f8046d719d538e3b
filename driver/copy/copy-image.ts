/** `copy`: from a source to a target, what the target has left out, its name last. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nameOf } from "../content/blob-reader.ts";
import { wishOf } from "../image/sources/open-source.ts";
import { openSourceFiles } from "../image/sources/source-files.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { archiveTarget } from "./archive-target.ts";
import type { CopiedImage, CopyImageOptions } from "./copied-image.ts";
import { type CopySource, filesSource, registrySource } from "./copy-source.ts";
import type { CopyTarget } from "./copy-target.ts";
import { layoutTarget } from "./layout-target.ts";
import { type CopySourcePlace, type CopyTargetPlace, sourcePlace, targetPlace } from "./places.ts";
import { type CopyPlan, planCopy } from "./plan.ts";
import { registryTarget } from "./registry-target.ts";
import { verified } from "./verified.ts";

/** @throws as copyImage of door.ts. */
export async function copyBetween(from: string, to: string, options: CopyImageOptions): Promise<CopiedImage> {
  const { signal, isWhole = false } = options;
  signal?.throwIfAborted();
  const [sourceAt, targetAt] = [sourcePlace(from), targetPlace(to)];
  const wish = wishOf(options.platform);
  await using scope = new AsyncDisposableStack();
  const clients = clientsOf(options, scope);
  const source = await openSource(sourceAt, wish, clients, scope, signal);
  const plan = await planCopy(source, { wish, isWhole });
  const target = scope.use(await openTarget(targetAt, source, plan, clients, signal));
  const counts = await copyBlobs(source, target, plan, options);
  const given = signal ?? new AbortController().signal;
  for (const document of plan.documents.slice(0, -1)) await target.putDocument(document, given);
  given.throwIfAborted();
  await target.finish(plan, given);
  const { digest, mediaType, size } = plan.root.descriptor;
  return {
    ...{ source: from, target: target.what, digest, mediaType, sizeBytes: size },
    manifests: plan.documents.length,
    ...counts,
  };
}

interface Clients {
  source(): Promise<RegistryClient>;
  target(): Promise<RegistryClient>;
}

/** Those given, or one of our own for both. */
function clientsOf(options: CopyImageOptions, scope: AsyncDisposableStack): Clients {
  let own: RegistryClient | undefined;
  const make = async (): Promise<RegistryClient> => {
    const { RegistryClient: Client } = await import("../registry/registry-client.ts");
    return (own ??= scope.use(new Client()));
  };
  return {
    source: async () => options.sourceClient ?? (await make()),
    target: async () => options.targetClient ?? options.sourceClient ?? (await make()),
  };
}

async function openSource(
  place: CopySourcePlace,
  wish: ReturnType<typeof wishOf>,
  clients: Clients,
  scope: AsyncDisposableStack,
  signal: AbortSignal | undefined,
): Promise<CopySource> {
  if (place.kind === "registry") return registrySource(await clients.source(), place.reference, signal);
  const spoolDir = await mkdtemp(join(tmpdir(), "laminate-copy-"));
  scope.defer(() => rm(spoolDir, { recursive: true, force: true }));
  return filesSource(scope.use(await openSourceFiles(place.locator, { spoolDir, signal })), wish);
}

async function openTarget(
  place: CopyTargetPlace,
  source: CopySource,
  plan: CopyPlan,
  clients: Clients,
  signal: AbortSignal | undefined,
): Promise<CopyTarget> {
  switch (place.kind) {
    case "registry":
      return registryTarget(await clients.target(), place.reference, source, plan);
    case "oci":
      return layoutTarget(place, signal);
    case "oci-archive":
    case "docker-archive":
      return archiveTarget({ ...place, kind: place.kind }, plan);
  }
}

type Counts = Pick<CopiedImage, "blobsSent" | "blobsMounted" | "blobsReused" | "bytesSent">;

/** As many at once as the target takes. The first failure stops the others. */
async function copyBlobs(
  source: CopySource,
  target: CopyTarget,
  { blobs }: CopyPlan,
  options: CopyImageOptions,
): Promise<Counts> {
  const failed = new AbortController();
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  const counts = { blobsSent: 0, blobsMounted: 0, blobsReused: 0, bytesSent: 0 };
  const left = blobs.values();
  const work = async (): Promise<void> => {
    for (const blob of left) {
      signal.throwIfAborted();
      const outcome = await copyBlob(source, target, blob, signal, options.onProgress);
      if (outcome === "sent") {
        counts.blobsSent++;
        counts.bytesSent += blob.size;
      } else if (outcome === "mounted") counts.blobsMounted++;
      else counts.blobsReused++;
    }
  };
  const workers = Array.from({ length: target.atOnce }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
    }),
  );
  await Promise.all(workers);
  options.signal?.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason as Error;
  return counts;
}

async function copyBlob(
  source: CopySource,
  target: CopyTarget,
  blob: Descriptor,
  signal: AbortSignal,
  onProgress: CopyImageOptions["onProgress"],
): Promise<"sent" | "mounted" | "reused"> {
  const report = (phase: "waiting" | "reused" | "done" | CopyTarget["phase"], doneBytes: number): void =>
    onProgress?.({ image: source.what, layer: blob.digest, phase, doneBytes, totalBytes: blob.size });
  report("waiting", 0);
  if (await target.has(blob, signal)) {
    report("reused", blob.size);
    return "reused";
  }
  const what = `${nameOf(blob)} of ${source.what}`;
  const open = (): AsyncIterable<Uint8Array> =>
    verified(what, blob, source.read(blob, signal), (passed) => {
      signal.throwIfAborted();
      report(target.phase, passed);
    });
  const outcome = await target.put(blob, open, signal);
  report("done", blob.size);
  return outcome;
}
