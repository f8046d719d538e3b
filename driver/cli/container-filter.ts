/** Docker's conditions on containers: the same key twice means either, different keys mean both. */
import type { ContainerInfo, Storage } from "../index.ts";
import { UsageError } from "./errors.ts";
import { shortId } from "./format.ts";

type Condition = (container: ContainerInfo) => boolean;

/** @throws {UsageError} for an unknown key. */
export async function containerFilter(conditions: readonly string[], storage: Storage): Promise<Condition> {
  const byKey = new Map<string, Condition[]>();
  for (const text of conditions) {
    const [, key = "", value = ""] = /^([a-z]+)=(.*)$/s.exec(text) ?? [];
    const condition = await conditionOf(key, value, storage);
    if (condition === undefined) throw new UsageError(`option --filter knows no ${JSON.stringify(text)}`);
    byKey.set(key, [...(byKey.get(key) ?? []), condition]);
  }
  return (container) => [...byKey.values()].every((either) => either.some((condition) => condition(container)));
}

async function conditionOf(key: string, value: string, storage: Storage): Promise<Condition | undefined> {
  switch (key) {
    case "id":
      return ({ id }) => id.startsWith(value);
    case "name": {
      const pattern = patternOf(value);
      return ({ name }) => pattern.test(name);
    }
    case "status":
      return (container) => (container.paused ? "paused" : container.status) === value;
    case "exited":
      return ({ status, exitCode }) => status === "exited" && String(exitCode) === value;
    case "label": {
      const [, name = "", wanted] = /^([^=]*)(?:=(.*))?$/s.exec(value) ?? [];
      return ({ host: { labels } }) => (wanted === undefined ? name in labels : labels[name] === wanted);
    }
    case "ancestor": {
      const chain = await chainOf(storage, value);
      const images = await storage.images.list();
      const tops = await Promise.all(images.map(({ manifestDigest }) => chainOf(storage, manifestDigest)));
      const made = new Map(images.map(({ id }, index) => [shortId(id), tops[index] ?? []]));
      const top = chain.at(-1);
      return ({ imageId }) => top !== undefined && (made.get(shortId(imageId)) ?? []).includes(top);
    }
    case "before":
    case "since": {
      const { created } = await storage.containers.get(value);
      const isBefore = key === "before";
      return (container) => (isBefore ? container.created < created : container.created > created);
    }
    default:
      return undefined;
  }
}

/** ChainIDs of an image, bottom first; [] for none. */
async function chainOf({ images }: Storage, reference: string): Promise<readonly string[]> {
  const image = await images.get(reference).catch(() => undefined);
  return image?.layers.map(({ chainId }) => chainId) ?? [];
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UsageError(`option --filter name= is no regular expression: ${JSON.stringify(text)}`);
  }
}
