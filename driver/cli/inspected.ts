/** What `inspect` prints of images and containers: Docker's field names, and ours for what Docker does not tell. */
import type { ContainerInfo, HistoryRow, ImageDetails, Storage } from "../index.ts";
import { type CommandContext, forEachWord, type Result } from "./command.ts";
import { familiarName } from "./format.ts";
import { containerOrImage } from "./named.ts";
import { jsonOf } from "./print.ts";

type Lookup = (storage: Storage, word: string) => Promise<object>;

/** An array in any case: of what was found. */
export async function inspectAll(context: CommandContext, words: readonly string[], lookup: Lookup): Promise<Result> {
  const storage = await context.storage();
  const { done, failures } = await forEachWord(words, context.signal, (word) => lookup(storage, word));
  return { document: done, text: [jsonOf(done, 2)], failures };
}

export async function inspectImage({ images }: Storage, word: string): Promise<object> {
  return imageDocument(await images.get(word), await images.history(word));
}

export async function inspectContainer({ containers }: Storage, word: string): Promise<object> {
  return containerDocument(await containers.get(word));
}

export function inspectAny(storage: Storage, word: string): Promise<object> {
  return containerOrImage(
    word,
    () => inspectContainer(storage, word),
    () => inspectImage(storage, word),
  );
}

function imageDocument(
  { names, id, manifestDigest, created, sizeBytes, manifest, config, layers }: ImageDetails,
  [top, ...lower]: readonly HistoryRow[],
): object {
  const repositories = new Set(
    names.map((name) =>
      familiarName(name)
        .replace(/@.*$/, "")
        .replace(/:[^:/]*$/, ""),
    ),
  );
  return {
    Id: id,
    RepoTags: names.map(familiarName),
    RepoDigests: [...repositories].map((repository) => `${repository}@${manifestDigest}`),
    Parent: lower.find((row) => row.id !== null)?.id ?? "",
    Comment: top?.comment ?? "",
    Created: created,
    Author: config.author ?? "",
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: sizeBytes,
    Config: config.config ?? {},
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Manifest: { MediaType: manifest.mediaType, Digest: manifestDigest },
    Layers: layers.map((layer) => ({
      Digest: layer.descriptor.digest,
      MediaType: layer.descriptor.mediaType,
      Size: layer.descriptor.size,
      DiffID: layer.diffId,
      ChainID: layer.chainId,
      UnpackedSize: layer.unpackedBytes,
      Inodes: layer.inodes,
      SharedBy: layer.sharedBy,
    })),
  };
}

/** What Docker says for never. */
const never = "0001-01-01T00:00:00Z";

function containerDocument(container: ContainerInfo): object {
  const { args, entrypointArgs = 0, env, cwd, user, hostname, tty, interactive } = container.process;
  const { host } = container;
  return {
    Id: container.id,
    Name: container.name,
    Created: container.created,
    Path: args[0],
    Args: args.slice(1),
    State: {
      Status: container.paused ? "paused" : container.status,
      Running: container.status === "running",
      Paused: container.paused,
      Pid: container.pid ?? 0,
      ExitCode: container.exitCode ?? 0,
      StartedAt: container.started ?? never,
      FinishedAt: container.finished ?? never,
    },
    Image: container.imageId,
    ImageName: container.image,
    ImageDigest: container.manifestDigest,
    HostConfig: {
      AutoRemove: container.autoRemove,
      NetworkMode: host.network,
      ReadonlyRootfs: host.readonlyRootfs,
      Privileged: host.privileged,
      CapAdd: host.capAdd,
      CapDrop: host.capDrop,
      Memory: host.memoryBytes ?? 0,
      NanoCpus: Math.round((host.cpus ?? 0) * 1e9),
      Ulimits: host.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    },
    Mounts: host.mounts.map((mount) => ({
      Type: mount.type,
      ...(mount.type === "bind" && { Source: mount.source }),
      Destination: mount.target,
      RW: mount.type !== "bind" || !mount.readonly,
    })),
    Config: {
      Hostname: hostname,
      User: user,
      Tty: tty,
      OpenStdin: interactive,
      Env: env,
      Entrypoint: wordsOrNull(args.slice(0, entrypointArgs)),
      Cmd: wordsOrNull(args.slice(entrypointArgs)),
      WorkingDir: cwd,
      Image: container.image,
      Labels: host.labels,
      StopSignal: host.stopSignal,
    },
    Rootfs: container.rootfs,
    SnapshotKey: container.id,
  };
}

function wordsOrNull(words: readonly string[]): readonly string[] | null {
  return words.length === 0 ? null : words;
}
