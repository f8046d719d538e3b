/**
 * Who we are at a registry: what `docker login`, `podman login` and our own have written, read whenever it is needed.
 * Files, first to last: $REGISTRY_AUTH_FILE or the one asked for; Docker's config.json; containers' auth.json.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { parseReference } from "../oci/reference.ts";
import { type AuthFile, readAuthFile } from "./auth-file.ts";
import { askHelper } from "./credential-helper.ts";
import type { Credentials } from "./identity.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface CredentialOptions {
  /** Instead of all others. */
  readonly authFile?: string | undefined;
  readonly env: Environment;
}

/** Where they are looked for, in order. */
export function authFilesFor({ authFile, env }: CredentialOptions): readonly string[] {
  const chosen = authFile ?? env["REGISTRY_AUTH_FILE"];
  if (chosen !== undefined && chosen !== "") return [chosen];
  const home = env["HOME"] ?? homedir();
  const uid = process.getuid?.() ?? 0;
  return [
    dockerConfigFile(env),
    join(
      env["XDG_RUNTIME_DIR"] ?? `/run/containers/${uid}`,
      env["XDG_RUNTIME_DIR"] ? "containers/auth.json" : "auth.json",
    ),
    join(env["XDG_CONFIG_HOME"] ?? join(home, ".config"), "containers/auth.json"),
  ];
}

/** Where `login` writes. */
export function loginFileFor({ authFile, env }: CredentialOptions): string {
  const chosen = authFile ?? env["REGISTRY_AUTH_FILE"];
  return chosen === undefined || chosen === "" ? dockerConfigFile(env) : chosen;
}

function dockerConfigFile(env: Environment): string {
  return join(env["DOCKER_CONFIG"] ?? join(env["HOME"] ?? homedir(), ".docker"), "config.json");
}

/** Under which name `login` keeps what is for a registry. */
export function credentialKeyOf(domain: string): string {
  return domain === "docker.io" ? "https://index.docker.io/v1/" : domain;
}

/** "docker.io", "Registry.example:5000/" and URLs as `login` takes them → the domain of references. */
export function registryDomainOf(text: string): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return parseReference(`${/[.:]/.test(host) || host === "localhost" ? host : `${host}.`.slice(0, -1)}/x`).domain;
}

/**
 * Credentials for a repository of a registry; undefined for none.
 * @throws {StorageError} for a file that cannot be read or a helper that fails: pulling as nobody would hide that.
 */
export async function findCredentials(
  domain: string,
  repository: string,
  options: CredentialOptions,
): Promise<Credentials | undefined> {
  for (const path of authFilesFor(options)) {
    const file = await readAuthFile(path);
    const found = file && (await findIn(file, domain, repository));
    if (found) return found;
  }
  return undefined;
}

async function findIn(file: AuthFile, domain: string, repository: string): Promise<Credentials | undefined> {
  const names = namesOf(domain);
  const helper = names.map((name) => file.helpers.get(name)).find((each) => each !== undefined);
  if (helper !== undefined) return askHelper(helper, credentialKeyOf(domain));
  for (const scope of scopesOf(domain, repository)) {
    const found = file.entries.get(scope);
    if (found !== undefined) return found;
  }
  for (const [key, found] of file.entries) {
    if (names.includes(hostIn(key))) return found;
  }
  return file.store === undefined ? undefined : askHelper(file.store, credentialKeyOf(domain));
}

/** containers-auth.json(5): the whole repository first, then what it lies in, then the host. */
function scopesOf(domain: string, repository: string): readonly string[] {
  const parts = repository === "" ? [] : repository.split("/");
  return [...parts.keys()].map((at) => [domain, ...parts.slice(0, parts.length - at)].join("/")).concat(domain);
}

function namesOf(domain: string): readonly string[] {
  if (domain !== "docker.io") return [domain];
  return ["docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"];
}

/** Docker's keys are hosts or URLs; a path other than its own is a namespace and was looked up before. */
function hostIn(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
}
