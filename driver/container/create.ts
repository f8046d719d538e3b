/** Making a container: its record, then its snapshot. */
import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import { hasCode, StorageError } from "../base/errors.ts";
import type { ContainerConfig } from "../oci/image-config.ts";
import { formatPlatform, parsePlatform, type Platform, platformDistance } from "../oci/platform.ts";
import { parseCapability } from "./capabilities.ts";
import type { ContainerStore } from "./container-store.ts";
import type { ContainerInfo, CreateOptions } from "./container.ts";
import { defaultHostConfig, type HostConfig } from "./host-config.ts";
import { checkName, makeUpName } from "./names.ts";
import { processConfig } from "./process-config.ts";
import type { NewContainer } from "./records.ts";
import { parseProfile } from "./seccomp.ts";
import { parseSignal } from "./signals.ts";

const nameTries = 20;

export async function createContainer(store: ContainerStore, options: CreateOptions): Promise<ContainerInfo> {
  const { records } = store;
  if (options.name !== undefined) checkName(options.name);
  const image = await store.options.images.get(options.image);
  const top = image.layers.at(-1);
  if (top === undefined) {
    throw new StorageError(
      "ERR_FAILED_PRECONDITION",
      `cannot create container of ${options.image}: the image has no layers, so there is nothing to run in it`,
    );
  }
  requirePlatform(options.image, options.platform, image.config);
  const id = randomBytes(32).toString("hex");
  const config = image.config.config ?? {};
  const container: Omit<NewContainer, "name"> = {
    id,
    image: options.image,
    imageId: image.id,
    manifestDigest: image.manifestDigest,
    autoRemove: options.autoRemove ?? false,
    process: processConfig(config, options, id.slice(0, 12)),
    host: hostConfig(config, options.host ?? {}),
  };
  const lock = store.lock(id, `cannot create container ${id}: it is there`);
  let isKept = false;
  try {
    // The record first: it keeps the image from being removed, and its removal copes with a missing snapshot.
    insert(store, container, options.name);
    try {
      await store.options.snapshotter.prepare(id, top.chainId);
    } catch (error) {
      records.delete(id);
      throw error;
    }
    isKept = options.startsAtOnce === true;
    if (isKept) store.keepLock(id, lock);
    if (!isKept || !container.autoRemove) records.created(id);
    return store.infoOf(records.find(id));
  } finally {
    if (records.tryGet(id) === undefined) store.stateOf(id).remove();
    if (!isKept) lock[Symbol.dispose]();
  }
}

function insert(store: ContainerStore, container: Omit<NewContainer, "name">, name: string | undefined): void {
  for (let attempt = 0; ; attempt++) {
    try {
      store.records.insert({ ...container, name: name ?? makeUpName(attempt) });
      return;
    } catch (error) {
      if (name !== undefined || attempt === nameTries || !hasCode(error, "ERR_ALREADY_EXISTS")) throw error;
    }
  }
}

function hostConfig(image: ContainerConfig, given: Partial<HostConfig>): HostConfig {
  const mounts = given.mounts ?? [];
  const targets = mounts.map(({ target }) => normal(target));
  const twice = targets.find((target, index) => target === "/" || targets.indexOf(target) !== index);
  if (twice !== undefined) throw invalid(`nothing can be mounted on ${twice}${twice === "/" ? "" : " twice"}`);
  const volumes = Object.keys(image.Volumes ?? {})
    .map(normal)
    .filter((target) => target !== "/" && !targets.includes(target));
  return {
    ...defaultHostConfig,
    ...(image.StopSignal !== undefined && { stopSignal: parseSignal(image.StopSignal) }),
    ...given,
    capAdd: (given.capAdd ?? []).map(parseCapability),
    capDrop: (given.capDrop ?? []).map(parseCapability),
    seccomp: checkedSeccomp(given.seccomp ?? defaultHostConfig.seccomp),
    mounts: [
      ...mounts.map((mount) => ({ ...mount, target: normal(mount.target) })),
      ...[...new Set(volumes)].map((target) => ({ type: "volume", target }) as const),
    ],
    labels: { ...image.Labels, ...given.labels },
  };
}

function checkedSeccomp(choice: string): string {
  if (choice !== "default" && choice !== "unconfined") parseProfile(choice);
  return choice;
}

/** Of the image's maker or the caller: absolute and without "..". */
function normal(target: string): string {
  if (target.includes("\0")) throw invalid("a mount's target holds a NUL");
  return posix.normalize(`/${target}`).replace(/(?!^)\/$/, "");
}

function requirePlatform(name: string, wanted: string | undefined, offered: Platform): void {
  if (wanted === undefined || platformDistance(parsePlatform(wanted), offered) !== undefined) return;
  throw invalid(`image ${name} is for ${formatPlatform(offered)}, not ${wanted}`);
}

function invalid(reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot create container: ${reason}`);
}
