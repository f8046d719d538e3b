/**
 * Whether a set is in a store, whole: every image under its name and with the digest it was imported with, every blob the one
 * its digest names, every layer unpacked. Asks no registry but for the tags of repositories that were never imported.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { asStorageError, isErrno } from "../../base/errors.ts";
import { parseReference } from "../../oci/reference.ts";
import type { Storage } from "../../storage-types.ts";
import type { ImageSet } from "../image-set.ts";
import { blobPath } from "../import/store-survey.ts";
import { batchDir, type Journal, openJournal } from "../journal/journal.ts";
import { inParallel } from "../plan/in-parallel.ts";
import { keyOf, type PlannedImage } from "../plan/planned-image.ts";
import { planSet } from "../plan/plan-set.ts";
import { isLocator } from "../plan/read-image.ts";
import type { SetClient } from "../plan/set-client.ts";

export interface VerifiedImage {
  readonly source: string;
  /** Of the manifest; null for an image that is not here. */
  readonly digest: string | null;
  /** What is wrong with it; empty when it is whole. */
  readonly problems: readonly string[];
}

export interface VerifiedSet {
  readonly set: string;
  readonly images: readonly VerifiedImage[];
  readonly blobs: number;
  /** Read and hashed. */
  readonly blobBytes: number;
  readonly layers: number;
}

export interface VerifySetOptions {
  readonly storage: Storage;
  readonly client: SetClient;
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Blobs hashed of those known so far. */
  readonly onProgress?: ((blobs: number, of: number) => void) | undefined;
}

/** What to look for: a name, or an ID, and the digest that was imported, where that is known. */
interface Wanted {
  readonly source: string;
  readonly names: readonly string[];
  readonly digest: string | null;
  readonly problem?: string;
}

const hashedAtOnce = 4;

/** @throws the signal's reason; what is wrong with images is in the answer. */
export async function verifySet(set: ImageSet, options: VerifySetOptions): Promise<VerifiedSet> {
  const { storage, signal, onProgress } = options;
  using journal = openJournal(storage.root);
  const wanted = await wantedOf(set, journal, options);
  const problems = new Map<Wanted, string[]>(wanted.map((each) => [each, each.problem ? [each.problem] : []]));
  const digests = new Map<Wanted, string>();
  const blobs = new Map<string, { readonly sizeBytes: number | null; readonly users: Set<Wanted> }>();
  const layers = new Map<string, Set<Wanted>>();
  for (const each of wanted) {
    signal?.throwIfAborted();
    for (const name of each.names) {
      try {
        const { manifestDigest, manifest, layers: own, damage } = await storage.images.get(name);
        digests.set(each, manifestDigest);
        if (damage !== undefined) problems.get(each)?.push(damage);
        if (each.digest !== null && manifestDigest !== each.digest) {
          problems.get(each)?.push(`${name} is ${manifestDigest}, and ${each.digest} was imported`);
        }
        const whole = { digest: manifestDigest, size: null };
        for (const { digest, size } of [whole, manifest.config, ...manifest.layers]) {
          const blob = blobs.get(digest) ?? { sizeBytes: size, users: new Set() };
          blobs.set(digest, { ...blob, users: blob.users.add(each) });
        }
        for (const { chainId } of own) layers.set(chainId, (layers.get(chainId) ?? new Set()).add(each));
      } catch (error) {
        problems.get(each)?.push(asStorageError(error).message);
      }
    }
  }
  const tell = (users: Iterable<Wanted>, problem: string): void => {
    for (const user of users) problems.get(user)?.push(problem);
  };
  let done = 0;
  let blobBytes = 0;
  await inParallel(blobs, hashedAtOnce, async ([digest, { sizeBytes, users }]) => {
    signal?.throwIfAborted();
    const outcome = await hashed(blobPath(storage, digest), digest, sizeBytes, signal);
    if (typeof outcome === "string") tell(users, outcome);
    else blobBytes += outcome;
    onProgress?.(++done, blobs.size);
  });
  for (const [chainId, users] of layers) {
    try {
      const { kind } = await storage.snapshots.stat(chainId);
      if (kind !== "committed") tell(users, `layer ${chainId} is not unpacked: a snapshot of its name is ${kind}`);
    } catch {
      tell(users, `layer ${chainId} is not unpacked`);
    }
  }
  return {
    set: set.name,
    images: wanted.map((each) => ({
      source: each.source,
      digest: digests.get(each) ?? null,
      problems: problems.get(each) ?? [],
    })),
    blobs: blobs.size,
    blobBytes,
    layers: layers.size,
  };
}

async function wantedOf(set: ImageSet, journal: Journal, options: VerifySetOptions): Promise<readonly Wanted[]> {
  const { storage, client, platform, signal } = options;
  const batch = journal.last(set.name);
  const noted = batch === undefined ? [] : journal.images(batch);
  const known = new Map(noted.map(({ planned, report }) => [report.source, { planned, report }]));
  const wanted = set.images.map((image): Wanted => {
    const key = keyOf({ source: image.source, platform: image.platform ?? platform ?? null });
    const found = known.get(key);
    known.delete(key);
    if (found?.planned) return wantedFrom(key, found.planned, found.report.digest);
    if (!isLocator(image.source)) {
      const names = [image.source, ...image.tags].map((name) => parseReference(name).canonical);
      return { source: key, names, digest: null };
    }
    return { source: key, names: [], digest: null, problem: `${key} was never imported here` };
  });
  if (set.repositories.length === 0) return wanted;
  const fromTags = [...known.values()].flatMap(({ planned, report }) =>
    planned === null ? [] : [wantedFrom(report.source, planned, report.digest)],
  );
  if (fromTags.length > 0) return [...wanted, ...fromTags];
  const spoolDir = join(batchDir(storage.root), "spool");
  const plan = await planSet({ ...set, images: [] }, { client, known: journal.manifests, spoolDir, platform, signal });
  return [
    ...wanted,
    ...plan.images.map((image) => wantedFrom(keyOf(image), image, null)),
    ...plan.failures.map((failure) => ({
      ...{ source: keyOf(failure), names: [], digest: null },
      problem: failure.error.message,
    })),
  ];
}

function wantedFrom(source: string, { kind, contents, tags }: PlannedImage, digest: string | null): Wanted {
  // An image of a file need not have a name; of several only the IDs are known before they are read.
  const names = contents.flatMap((content) => (content.names.length > 0 ? content.names : [content.id]));
  const isOne = contents.length === 1;
  return { source, names: [...names, ...tags], digest: kind === "registry" || isOne ? digest : null };
}

/** How many bytes the blob has, or what is wrong with it. The size of a manifest is known only by its digest. */
async function hashed(
  path: string,
  digest: string,
  sizeBytes: number | null,
  signal: AbortSignal | undefined,
): Promise<number | string> {
  const hasher = createHash("sha256");
  let bytes = 0;
  try {
    const file = createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) });
    for await (const chunk of file as AsyncIterable<Uint8Array>) {
      hasher.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isErrno(error, "ENOENT")) return `blob ${digest} is missing`;
    return `blob ${digest} cannot be read: ${asStorageError(error).message}`;
  }
  if (sizeBytes !== null && bytes !== sizeBytes) return `blob ${digest} has ${bytes} bytes, expected ${sizeBytes}`;
  const actual = `sha256:${hasher.digest("hex")}`;
  return actual === digest ? bytes : `blob ${digest} holds other bytes: their digest is ${actual}`;
}
