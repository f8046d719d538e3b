/** containers-registries.conf(5), version 2: `[[registry]]` with location, insecure, blocked and mirrors. */
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import { isErrno, StorageError } from "../base/errors.ts";
import { noTlsFiles } from "./certificates.ts";
import { allCapabilities, apiHostOf, type Endpoint, mirrorCapabilities } from "./endpoint.ts";
import type { EndpointDefaults } from "./host-files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

interface Place {
  readonly location: string;
  readonly insecure: boolean;
}

interface Rule extends Place {
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly Place[];
}

/**
 * Undefined where no rule is about the repository; the longest prefix wins.
 * @throws {StorageError} ERR_PERMISSION_DENIED for one that is blocked; ERR_FAILED_PRECONDITION for a file that is wrong.
 */
export function endpointsFromConf(
  domain: string,
  repository: string,
  env: Environment,
  defaultsOf: (host: string) => EndpointDefaults,
): readonly Endpoint[] | undefined {
  const name = `${domain}/${repository}`;
  const [rule] = readRules(env)
    .filter(({ prefix }) => matches(prefix, name, domain))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  if (rule === undefined) return undefined;
  if (rule.blocked) {
    throw new StorageError("ERR_PERMISSION_DENIED", `cannot use ${name}: registries.conf blocks ${rule.prefix}`);
  }
  const isNothingNew = rule.mirrors.length === 0 && rule.location === rule.prefix && !rule.insecure;
  if (isNothingNew) return undefined;
  const at = (place: Place, isMirror: boolean): Endpoint =>
    endpointAt(place, isMirror, rule.prefix, domain, defaultsOf);
  return [...rule.mirrors.map((mirror) => at(mirror, true)), at(rule, false)];
}

function matches(prefix: string, name: string, domain: string): boolean {
  if (prefix.startsWith("*.")) return domain.endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`);
}

function endpointAt(
  { location, insecure }: Place,
  isMirror: boolean,
  prefix: string,
  domain: string,
  defaultsOf: (host: string) => EndpointDefaults,
): Endpoint {
  const [registry = "", ...rest] = location.split("/");
  const [, ...replaced] = prefix.split("/");
  const host = apiHostOf(registry);
  const defaults = defaultsOf(host);
  const isMoved = location !== prefix && !prefix.startsWith("*.");
  return {
    host: isMoved ? host : apiHostOf(domain),
    scheme: insecure ? "either" : defaults.scheme,
    pathPrefix: "/v2",
    capabilities: isMirror ? mirrorCapabilities : allCapabilities,
    tls: noTlsFiles,
    isVerified: !insecure && defaults.isVerified,
    headers: {},
    credentialsOf: isMoved ? registry : domain,
    relocation: isMoved ? `${prefix} ${location}` : "",
    repositoryOf: (repository) => {
      if (!isMoved) return repository;
      const tail = repository.split("/").slice(replaced.length);
      return [...rest, ...tail].join("/");
    },
  };
}

function readRules(env: Environment): readonly Rule[] {
  return confFiles(env).flatMap((path) => {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) return [];
      throw error;
    }
    // Most have comments and short names only: not worth a parser.
    if (!/^\s*\[\[\s*registry/m.test(text)) return [];
    try {
      return rulesIn(parse(text));
    } catch (error) {
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot read ${path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  });
}

function confFiles(env: Environment): readonly string[] {
  const chosen = env["CONTAINERS_REGISTRIES_CONF"];
  if (chosen !== undefined && chosen !== "") return [chosen];
  const own = join(env["XDG_CONFIG_HOME"] ?? join(env["HOME"] ?? homedir(), ".config"), "containers");
  return ["/etc/containers", own].flatMap((dir) => {
    const more = join(dir, "registries.conf.d");
    return [join(dir, "registries.conf"), ...namesIn(more).map((name) => join(more, name))];
  });
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith(".conf"))
      .sort();
  } catch {
    return [];
  }
}

function rulesIn(document: Readonly<Record<string, unknown>>): readonly Rule[] {
  return tablesOf(document["registry"]).flatMap((table) => {
    const location = textOf(table["location"]);
    const prefix = textOf(table["prefix"]) ?? location;
    if (prefix === undefined) return [];
    const mirrors = tablesOf(table["mirror"]).flatMap((mirror) => {
      const place = textOf(mirror["location"]);
      return place === undefined ? [] : { location: place, insecure: mirror["insecure"] === true };
    });
    const [blocked, insecure] = [table["blocked"] === true, table["insecure"] === true];
    return { prefix, location: location ?? prefix, insecure, blocked, mirrors };
  });
}

function tablesOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each): each is Record<string, unknown> => typeof each === "object" && each !== null);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
