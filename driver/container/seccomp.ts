/** `--security-opt seccomp=…`: our own profile, none, or one as Docker's users write them. */
import process from "node:process";
import { StorageError } from "../base/errors.ts";
import type { SeccompRule, SeccompSpec } from "./runtime-spec.ts";
import { defaultSeccomp } from "./seccomp-profile.ts";

/** "default", "unconfined", or the JSON of a profile. */
export type SeccompChoice = string;

/** As Go names this machine's. */
const architecture = process.arch === "x64" ? "amd64" : process.arch;

interface Condition {
  readonly arches?: readonly string[];
  readonly caps?: readonly string[];
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT for a profile that is none. */
export function seccompOf(choice: SeccompChoice, capabilities: readonly string[]): SeccompSpec | undefined {
  if (choice === "unconfined") return undefined;
  if (choice === "default") return defaultSeccomp(capabilities, process.arch);
  const profile = parseProfile(choice);
  const architectures = listOf(profile["architectures"]) ?? mappedArchitectures(profile["archMap"]);
  const rules = Array.isArray(profile["syscalls"]) ? (profile["syscalls"] as readonly unknown[]) : [];
  return {
    ...profileHead(profile),
    ...(architectures !== undefined && { architectures }),
    syscalls: rules.flatMap((rule) => ruleOf(rule, capabilities)),
  };
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT */
export function parseProfile(text: string): Readonly<Record<string, unknown>> {
  let profile: unknown;
  try {
    profile = JSON.parse(text);
  } catch (error) {
    throw invalid(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isRecord(profile) || typeof profile["defaultAction"] !== "string") throw invalid("it has no defaultAction");
  return profile;
}

function profileHead(profile: Readonly<Record<string, unknown>>): Pick<SeccompSpec, "defaultAction"> {
  const { defaultAction, defaultErrnoRet, flags } = profile;
  return {
    defaultAction: String(defaultAction),
    ...(typeof defaultErrnoRet === "number" && { defaultErrnoRet }),
    ...(Array.isArray(flags) && { flags: flags.map(String) }),
  };
}

/** Docker's form: names with conditions on this machine and the container's capabilities. */
function ruleOf(rule: unknown, capabilities: readonly string[]): readonly SeccompRule[] {
  if (!isRecord(rule) || typeof rule["action"] !== "string") throw invalid("a rule has no action");
  const names = listOf(rule["names"]) ?? (typeof rule["name"] === "string" ? [rule["name"]] : []);
  if (names.length === 0) throw invalid("a rule has no names");
  const { arches: onArches, caps: withCaps } = conditionOf(rule["includes"]);
  const { arches: notArches, caps: withoutCaps } = conditionOf(rule["excludes"]);
  const isHere =
    (onArches === undefined || onArches.includes(architecture)) &&
    (withCaps ?? []).every((name) => capabilities.includes(name)) &&
    notArches?.includes(architecture) !== true &&
    !(withoutCaps ?? []).some((name) => capabilities.includes(name));
  const { action, errnoRet, args } = rule;
  if (!isHere) return [];
  return [
    {
      names,
      action,
      ...(typeof errnoRet === "number" && { errnoRet }),
      ...(Array.isArray(args) && args.length > 0 && { args: args as NonNullable<SeccompRule["args"]> }),
    },
  ];
}

function conditionOf(value: unknown): Condition {
  if (!isRecord(value)) return {};
  const [arches, caps] = [listOf(value["arches"]), listOf(value["caps"])];
  return { ...(arches?.length && { arches }), ...(caps?.length && { caps }) };
}

function mappedArchitectures(map: unknown): readonly string[] | undefined {
  if (!Array.isArray(map)) return undefined;
  const wanted = process.arch === "x64" ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64";
  const entry = (map as readonly unknown[]).find((each) => isRecord(each) && each["architecture"] === wanted);
  return isRecord(entry) ? [wanted, ...(listOf(entry["subArchitectures"]) ?? [])] : [wanted];
}

function listOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot read the seccomp profile: ${reason}`);
}
