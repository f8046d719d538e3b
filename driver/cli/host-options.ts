/** Options of `run` and `create` about what a container gets of this machine. */
import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { type ContainerMount, type HostConfig, parseSignal, type Ulimit } from "../door.ts";
import type { OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { OptionValues } from "./options.ts";
import { securityOf, securityOptions } from "./security-options.ts";

export const hostOptions: readonly OptionSpec[] = [
  { flags: "-v, --volume <mount>", description: "SOURCE:TARGET[:ro], or TARGET for a volume", repeatable: true },
  {
    flags: "--mount <mount>",
    description: "type=bind,source=…,target=…[,readonly], or type=tmpfs,target=…",
    repeatable: true,
  },
  { flags: "--tmpfs <mount>", description: "TARGET[:OPTIONS]: files in memory", repeatable: true },
  { flags: "--read-only", description: "the root file system cannot be written to" },
  { flags: "--cap-add <capability>", description: "one more, or ALL", repeatable: true },
  { flags: "--cap-drop <capability>", description: "one less, or ALL", repeatable: true },
  { flags: "--privileged", description: "all capabilities and devices, nothing hidden" },
  { flags: "--ulimit <limit>", description: "NAME=SOFT[:HARD]", repeatable: true },
  { flags: "-m, --memory <bytes>", description: "at most so much: 512m, 2g" },
  { flags: "--cpus <count>", description: "at most so many: 1.5" },
  { flags: "--network <network>", description: "host or none", choices: ["host", "none"] },
  { flags: "--net <network>", description: "the same", choices: ["host", "none"] },
  { flags: "-l, --label <label>", description: "KEY=value", repeatable: true },
  { flags: "--stop-signal <signal>", description: "that asks the program to end" },
  { flags: "--shm-size <bytes>", description: "of /dev/shm (64m)" },
  ...securityOptions,
];

/** @throws {UsageError} */
export function hostOf(options: OptionValues): Partial<HostConfig> {
  const shm = options.text("shm-size");
  const network = options.text("network") ?? options.text("net");
  const [memory, cpus, stopSignal] = [options.text("memory"), options.text("cpus"), options.text("stop-signal")];
  return {
    mounts: [
      ...options.list("volume").map(volumeOf),
      ...options.list("mount").map(mountOf),
      ...options.list("tmpfs").map(tmpfsOf),
    ],
    readonlyRootfs: options.isOn("read-only"),
    capAdd: options.list("cap-add"),
    capDrop: options.list("cap-drop"),
    privileged: options.isOn("privileged"),
    ulimits: options.list("ulimit").map(ulimitOf),
    memoryBytes: memory === undefined ? null : bytesOf("--memory", memory),
    cpus: cpus === undefined ? null : cpusOf(cpus),
    network: network === "none" ? "none" : "host",
    labels: Object.fromEntries(options.list("label").map(labelOf)),
    ...securityOf(options),
    ...(shm !== undefined && { shmBytes: bytesOf("--shm-size", shm) }),
    ...(stopSignal !== undefined && { stopSignal: parseSignal(stopSignal) }),
  };
}

function volumeOf(text: string): ContainerMount {
  const [first = "", target, mode, ...rest] = text.split(":");
  if (target === undefined) return { type: "volume", target: absolute("--volume", first) };
  const flags = mode?.split(",") ?? [];
  const isKnown = flags.every((flag) => ["ro", "rw", "z", "Z", "rprivate", "rslave", "rshared"].includes(flag));
  if (rest.length > 0 || !isKnown) throw wrong("--volume", text);
  if (!/^[./~]/.test(first)) {
    throw new UsageError(
      `option --volume: there are no named volumes; give a path instead of ${JSON.stringify(first)}`,
    );
  }
  const source = existing("--volume", first);
  return { type: "bind", source, target: absolute("--volume", target), readonly: flags.includes("ro") };
}

function mountOf(text: string): ContainerMount {
  const fields = new Map(
    text.split(",").map((field): [string, string] => {
      const [, key = "", value = "true"] = /^([^=]*)(?:=(.*))?$/s.exec(field) ?? [];
      return [key, value];
    }),
  );
  const field = (...keys: readonly string[]): string | undefined => {
    const key = keys.find((each) => fields.has(each));
    return key === undefined ? undefined : fields.get(key);
  };
  const target = absolute("--mount", field("target", "dst", "destination") ?? "");
  const known = ["type", "source", "src", "target", "dst", "destination", "readonly", "ro", "bind-propagation"];
  const isReadonly = ["true", "1"].includes(field("readonly", "ro") ?? "");
  switch (field("type") ?? "volume") {
    case "bind": {
      if ([...fields.keys()].some((key) => !known.includes(key))) throw wrong("--mount", text);
      const source = existing("--mount", field("source", "src") ?? "");
      return { type: "bind", source, target, readonly: isReadonly };
    }
    case "tmpfs": {
      const size = field("tmpfs-size");
      const mode = field("tmpfs-mode");
      const options = [
        ...(size === undefined ? [] : [`size=${size}`]),
        ...(mode === undefined ? [] : [`mode=${mode}`]),
      ];
      return { type: "tmpfs", target, options };
    }
    case "volume":
      if (field("source", "src") !== undefined) throw new UsageError("option --mount: there are no named volumes");
      return { type: "volume", target };
    default:
      throw wrong("--mount", text);
  }
}

function tmpfsOf(text: string): ContainerMount {
  const colon = text.indexOf(":");
  const target = absolute("--tmpfs", colon < 0 ? text : text.slice(0, colon));
  return { type: "tmpfs", target, options: colon < 0 ? [] : text.slice(colon + 1).split(",") };
}

const ulimitNames = [
  ...["as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss"],
  ...["rtprio", "rttime", "sigpending", "stack"],
];

function ulimitOf(text: string): Ulimit {
  const [, name = "", soft = "", hard = soft] = /^([a-z]+)=([0-9]{1,15})(?::([0-9]{1,15}))?$/.exec(text) ?? [];
  if (!ulimitNames.includes(name) || Number(soft) > Number(hard)) throw wrong("--ulimit", text);
  return { name, soft: Number(soft), hard: Number(hard) };
}

function bytesOf(option: string, text: string): number {
  const [, count = "", unit = ""] = /^([0-9.]+)([bkmgt]?)b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(count) * 1024 ** Math.max(0, "bkmgt".indexOf(unit.toLowerCase())));
  if (count === "" || !Number.isSafeInteger(bytes) || bytes < 1) throw wrong(option, text);
  return bytes;
}

function cpusOf(text: string): number {
  const count = Number(text);
  if (!(count >= 0.01 && count <= 100_000)) throw wrong("--cpus", text);
  return count;
}

function labelOf(text: string): readonly [string, string] {
  const [, key = "", value = ""] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  if (key === "") throw wrong("--label", text);
  return [key, value];
}

function absolute(option: string, path: string): string {
  if (isAbsolute(path)) return path;
  throw new UsageError(`option ${option}: ${JSON.stringify(path)} is not an absolute path in the container`);
}

function existing(option: string, path: string): string {
  const source = resolve(path);
  if (path !== "" && existsSync(source)) return source;
  throw new UsageError(`option ${option}: there is no ${JSON.stringify(path)} here`);
}

function wrong(option: string, text: string): UsageError {
  return new UsageError(`option ${option} cannot be ${JSON.stringify(text)}`);
}
