/** Options of `run` and `create` about who a container's programs are and what they may do, and about names. */
import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { HostConfig, HostDevice } from "../index.ts";
import type { OptionSpec } from "./command.ts";
import { parseCount } from "./durations.ts";
import { UsageError } from "./errors.ts";
import type { OptionValues } from "./options.ts";

export const securityOptions: readonly OptionSpec[] = [
  {
    flags: "--security-opt <option>",
    description: "seccomp=unconfined, seccomp=FILE, no-new-privileges, apparmor=unconfined",
    repeatable: true,
  },
  { flags: "--device <device>", description: "SOURCE[:TARGET][:rwm]", repeatable: true },
  { flags: "--group-add <group>", description: "one more group, by name or number", repeatable: true },
  { flags: "--sysctl <setting>", description: "NAME=VALUE", repeatable: true },
  { flags: "--pids-limit <count>", description: "at most so many processes; -1 for no limit" },
  { flags: "--init", description: "with a first process that takes in orphans and passes on signals" },
  { flags: "--add-host <host>", description: "NAME:ADDRESS", repeatable: true },
  { flags: "--dns <address>", description: "a name server", repeatable: true },
  { flags: "--dns-search <domain>", description: "a domain to look names up in", repeatable: true },
  { flags: "--dns-option <option>", description: "an option of resolv.conf", repeatable: true },
  { flags: "--stop-timeout <seconds>", description: "until stop kills it (10)" },
];

type Given = Pick<HostConfig, "devices" | "groupAdd" | "sysctls" | "pidsLimit" | "init" | "extraHosts" | "dns"> &
  Partial<Pick<HostConfig, "seccomp" | "noNewPrivileges" | "stopSeconds">>;

/** @throws {UsageError} */
export function securityOf(options: OptionValues): Given {
  const [pids, stop] = [options.text("pids-limit"), options.text("stop-timeout")];
  return {
    ...securityOpts(options.list("security-opt")),
    devices: options.list("device").map(deviceOf),
    groupAdd: options.list("group-add"),
    sysctls: Object.fromEntries(options.list("sysctl").map((text) => pairOf("--sysctl", text, "="))),
    pidsLimit: pids === undefined || pids === "-1" || pids === "0" ? null : parseCount("--pids-limit", pids),
    init: options.isOn("init"),
    extraHosts: options.list("add-host").map(extraHostOf),
    dns: {
      servers: options.list("dns").map((address) => plain("--dns", address)),
      search: options.list("dns-search").map((domain) => plain("--dns-search", domain)),
      options: options.list("dns-option").map((option) => plain("--dns-option", option)),
    },
    ...(stop !== undefined && { stopSeconds: parseCount("--stop-timeout", stop) }),
  };
}

function securityOpts(options: readonly string[]): Partial<Pick<HostConfig, "seccomp" | "noNewPrivileges">> {
  let given: Partial<Pick<HostConfig, "seccomp" | "noNewPrivileges">> = {};
  for (const option of options) {
    const [, name = "", value = "true"] = /^([^=:]*)(?:[=:](.*))?$/s.exec(option) ?? [];
    if (name === "no-new-privileges" && /^(?:true|false)$/.test(value)) {
      given = { ...given, noNewPrivileges: value === "true" };
    } else if (name === "seccomp") given = { ...given, seccomp: seccompOf(value) };
    else if (name === "apparmor" && value === "unconfined") continue;
    else if (name === "label" && value === "disable") continue;
    else throw wrong("--security-opt", option);
  }
  return given;
}

function seccompOf(value: string): string {
  if (value === "unconfined") return value;
  if (value === "builtin") return "default";
  try {
    return readFileSync(value, "utf8");
  } catch (error) {
    throw new UsageError(`option --security-opt: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function deviceOf(text: string): HostDevice {
  const [source = "", second, third, ...rest] = text.split(":");
  const isAccess = second !== undefined && !second.startsWith("/");
  const [target, access = "rwm"] = isAccess ? [source, second] : [second ?? source, third];
  const isKnown = isAbsolute(source) && isAbsolute(target) && /^[rwm]{1,3}$/.test(access);
  if (!isKnown || rest.length > 0 || (isAccess && third !== undefined)) throw wrong("--device", text);
  return { source, target, access };
}

function extraHostOf(text: string): readonly [string, string] {
  const [name, given] = pairOf("--add-host", text, text.includes("=") ? "=" : ":");
  const address = given === "host-gateway" ? "127.0.0.1" : given.replace(/^\[(.*)\]$/, "$1");
  return [plain("--add-host", name), plain("--add-host", address)];
}

function pairOf(option: string, text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  if (at < 1 || at === text.length - 1) throw wrong(option, text);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** One word of a line of a file. */
function plain(option: string, text: string): string {
  if (/^[^\s#]+$/.test(text)) return text;
  throw wrong(option, text);
}

function wrong(option: string, text: string): UsageError {
  return new UsageError(`option ${option} cannot be ${JSON.stringify(text)}`);
}
