/** The config of a committed image: the parent's, the container's over it, the caller's changes over both. */
import type { DiffId } from "../base/digest.ts";
import { applyChanges, type RawContainerConfig } from "./change-instructions.ts";
import { objectAt, type RawObject, stringAt, stringsAt, withFields } from "./raw-config.ts";

/** How a container was made to run, options and image together: what of it commit keeps. */
export interface ContainerSettings {
  /** Entrypoint and command. */
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface NewImageLayer {
  /** Null when nothing was changed: then there is no layer, only a line of history. */
  readonly diffId: DiffId | null;
  /** RFC 3339. */
  readonly created: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly author: string;
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The container's settings as an image's, which is what Docker commits: options of `run` such as -e, -w and a command
 * stay with the image; what every container gets by itself (PATH, HOSTNAME, TERM) does not.
 */
export function containerConfig(image: RawContainerConfig, container: ContainerSettings): RawContainerConfig {
  const entrypoint = stringsAt(image, "Entrypoint");
  const command = stringsAt(image, "Cmd");
  return withFields(image, {
    ...argsOf(entrypoint, command, container.args),
    ...envOf(stringsAt(image, "Env"), container),
    ...labelsOf(objectAt(image, "Labels"), container.labels),
    ...(container.user !== stringAt(image, "User") && { User: container.user }),
    ...(!isSameDirectory(stringAt(image, "WorkingDir"), container.cwd) && { WorkingDir: container.cwd }),
  });
}

/** A first word that is not the image's entrypoint is one that was given: `--entrypoint` takes a single word. */
function argsOf(entrypoint: readonly string[], command: readonly string[], args: readonly string[]): RawObject {
  const startsSo = entrypoint.every((word, at) => args[at] === word);
  if (!startsSo) return { Entrypoint: args.slice(0, 1), Cmd: args.slice(1) };
  const rest = args.slice(entrypoint.length);
  return isEqual(rest, command) ? {} : { Cmd: rest };
}

function envOf(image: readonly string[], { env, hostname }: ContainerSettings): RawObject {
  const own = new Set([defaultPath, `HOSTNAME=${hostname}`, "TERM=xterm"]);
  const kept = env.filter((variable) => image.includes(variable) || !own.has(variable));
  const isSame = kept.length === image.length && kept.every((variable) => image.includes(variable));
  return isSame ? {} : { Env: inOrderOf(image, kept) };
}

function labelsOf(image: RawObject, labels: Readonly<Record<string, string>>): RawObject {
  const isSame = Object.entries(labels).every(([key, value]) => Object.hasOwn(image, key) && image[key] === value);
  return isSame ? {} : { Labels: { ...image, ...labels } };
}

/** Variables of the image keep their places. */
function inOrderOf(image: readonly string[], env: readonly string[]): readonly string[] {
  const nameOf = (variable: string): string => variable.split("=", 1)[0] ?? "";
  const names = image.map(nameOf);
  const known = names.flatMap((name) => env.filter((variable) => nameOf(variable) === name).slice(0, 1));
  return [...known, ...env.filter((variable) => !names.includes(nameOf(variable)))];
}

function isSameDirectory(image: string, container: string): boolean {
  const plain = image.replace(/\/+$/, "");
  return (plain === "" ? "/" : plain) === container;
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, at) => b[at] === word);
}

/** What Docker writes into CREATED BY: the container's command, without its entrypoint. */
export function commandLine(config: RawContainerConfig): string {
  return stringsAt(config, "Cmd").join(" ");
}

/**
 * The whole image config: `parent` as it was written, with one layer, one line of history and the changed `config`.
 * @throws {StorageError} ERR_INVALID_ARGUMENT for a change that is none.
 */
export function committedConfig(
  parent: RawObject,
  config: RawContainerConfig,
  layer: NewImageLayer,
  changes: readonly string[],
): RawObject {
  const rootfs = objectAt(parent, "rootfs");
  const diffIds = stringsAt(rootfs, "diff_ids");
  return withFields(parent, {
    created: layer.created,
    ...(layer.author !== "" && { author: layer.author }),
    config: applyChanges(config, changes),
    rootfs: { ...rootfs, type: "layers", diff_ids: layer.diffId === null ? diffIds : [...diffIds, layer.diffId] },
    history: [...writtenHistory(parent, diffIds.length), historyEntry(layer)],
  });
}

/** An image of one layer that tells nothing of those it was made from. */
export function squashedConfig(parent: RawObject, config: RawContainerConfig, layer: NewImageLayer): RawObject {
  return withFields(parent, {
    created: layer.created,
    ...(layer.author !== "" && { author: layer.author }),
    config,
    rootfs: { type: "layers", diff_ids: layer.diffId === null ? [] : [layer.diffId] },
    history: [historyEntry(layer)],
  });
}

export function historyEntry({ diffId, created, createdBy, comment, author }: NewImageLayer): RawObject {
  return {
    created,
    ...(author !== "" && { author }),
    created_by: createdBy,
    ...(comment !== "" && { comment }),
    ...(diffId === null && { empty_layer: true }),
  };
}

/** Layers that the parent's history keeps silent about get a line, lest ours be taken for theirs. */
function writtenHistory(parent: RawObject, layers: number): readonly unknown[] {
  const history: readonly unknown[] = Array.isArray(parent["history"]) ? parent["history"] : [];
  const written = history.filter((entry) => (entry as RawObject)["empty_layer"] !== true).length;
  return [...history, ...Array.from({ length: layers - written }, () => ({}))];
}
