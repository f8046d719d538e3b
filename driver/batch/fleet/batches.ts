/**
 * fleet/ has many machines do one batch: whoever has the set plans it and puts its families into a queue, workers import
 * them into stores of their own. This file is what Redis knows of batches beside the jobs: which there are. Whoever may
 * write there decides what workers import; no credentials go there.
 */
import { hash } from "node:crypto";
import type { Redis } from "ioredis";
import type { Family } from "../graph/families.ts";
import type { SetRegistry } from "../image-set.ts";
import { keyPrefix } from "../queue/bullmq-queue.ts";

/** One that is not over. */
export interface FleetBatch {
  readonly version: 1;
  /** Of what is to be done: who begins the same again finds it. */
  readonly id: string;
  readonly set: string;
  /** Another one each time it is begun. */
  readonly begun: string;
  /** How many hosts are each to have all of it; null: the fleet together has it once. */
  readonly hosts: number | null;
  readonly registries: readonly Pick<SetRegistry, "host" | "verifyTls">[];
  /** For hosts, which queue them for themselves; else they are in the queue. */
  readonly families: readonly Family[];
}

const batchesKey = `${keyPrefix}:batches`;

export function batchId(families: readonly Family[], hosts: number | null): string {
  const images = families.flatMap((family) =>
    family.images.map(({ source, platform, tags, contents }) => [source, platform, tags, contents[0]?.digest]),
  );
  return hash("sha256", JSON.stringify([hosts, images])).slice(0, 32);
}

/** One queue for the fleet, or one for each host. */
export function queueNameOf({ id }: Pick<FleetBatch, "id">, host: string | null): string {
  return host === null ? id : `${id}@${host}`;
}

/** The batch as it was begun, by this call or before. */
export async function publishBatch(redis: Redis, batch: FleetBatch): Promise<FleetBatch> {
  await redis.hsetnx(batchesKey, batch.id, JSON.stringify(batch));
  const [found] = parse(await redis.hget(batchesKey, batch.id));
  return found ?? batch;
}

/** Those of other versions are left to others. */
export async function listBatches(redis: Redis): Promise<readonly FleetBatch[]> {
  return (await redis.hvals(batchesKey)).flatMap(parse);
}

export async function withdrawBatch(redis: Redis, { id }: Pick<FleetBatch, "id">): Promise<void> {
  await redis.multi().hdel(batchesKey, id).del(hostsKey(id)).exec();
}

/** A host says that it does a batch that every host is to have. */
export async function joinBatch(redis: Redis, { id }: Pick<FleetBatch, "id">, host: string): Promise<void> {
  await redis.sadd(hostsKey(id), host);
}

export async function hostsOf(redis: Redis, { id }: Pick<FleetBatch, "id">): Promise<readonly string[]> {
  return redis.smembers(hostsKey(id));
}

function hostsKey(id: string): string {
  return `${keyPrefix}:hosts:${id}`;
}

function parse(text: string | null): readonly FleetBatch[] {
  if (text === null) return [];
  const { version, ...batch } = JSON.parse(text) as Omit<FleetBatch, "version"> & { readonly version: number };
  return version === 1 ? [{ version, ...batch }] : [];
}
