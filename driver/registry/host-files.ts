/**
 * Directories that say how a host is reached, `DIR/HOST[:PORT]/`: containerd's hosts.toml (docs/hosts.md) with mirrors, or
 * Docker's and podman's certs.d with certificates alone. The first directory that knows the host decides. In hosts.toml
 * `requests_per_second` is ours: at most so many for that host.
 */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "smol-toml";
import { StorageError } from "../base/errors.ts";
import { certificatesIn, noTlsFiles, type TlsFiles } from "./certificates.ts";
import { allCapabilities, apiHostOf, type Capability, type Endpoint, mirrorCapabilities } from "./endpoint.ts";

type Table = Readonly<Record<string, unknown>>;

/** What differs from one host to the next before files are read. */
export interface EndpointDefaults {
  readonly scheme: Endpoint["scheme"];
  readonly isVerified: boolean;
}

/** Undefined where no directory knows the host. @throws {StorageError} ERR_FAILED_PRECONDITION for a file that is wrong. */
export function endpointsFromDirs(
  domain: string,
  dirs: readonly string[],
  defaultsOf: (host: string) => EndpointDefaults,
): readonly Endpoint[] | undefined {
  for (const dir of dirs) {
    const own = hostDir(dir, domain);
    if (own === undefined) continue;
    const hosts = join(own, "hosts.toml");
    if (existsSync(hosts)) return endpointsFromHosts(hosts, own, domain, defaultsOf);
    const tls = certificatesIn(own);
    if (tls.authorities.length === 0 && tls.clients.length === 0) continue;
    const host = apiHostOf(domain);
    const { isVerified } = defaultsOf(host);
    // Certificates are for TLS: who puts some there does not want plain HTTP.
    return [plainEndpoint(host, domain, { scheme: "https", isVerified }, tls)];
  }
  return undefined;
}

/** Of the first directory that has some for the host. */
export function certificatesFor(host: string, dirs: readonly string[]): TlsFiles {
  const found = dirs.map((dir) => hostDir(dir, host)).filter((dir) => dir !== undefined);
  const all = found.map((dir) => certificatesIn(dir));
  return all.find(({ authorities, clients }) => authorities.length + clients.length > 0) ?? noTlsFiles;
}

export function plainEndpoint(
  host: string,
  credentialsOf: string,
  { scheme, isVerified }: EndpointDefaults,
  tls: TlsFiles = noTlsFiles,
): Endpoint {
  return {
    host,
    scheme,
    pathPrefix: "/v2",
    capabilities: allCapabilities,
    tls,
    isVerified,
    headers: {},
    credentialsOf,
    relocation: "",
    repositoryOf: (repository) => repository,
  };
}

/** HOST:PORT; HOST_PORT_ is containerd's other spelling; _default is for hosts that have none. */
function hostDir(dir: string, domain: string): string | undefined {
  const names = [domain, domain.replace(/:([0-9]+)$/, "_$1_"), "_default"];
  return names.map((name) => join(dir, name)).find((path) => existsSync(path));
}

function endpointsFromHosts(
  path: string,
  dir: string,
  domain: string,
  defaultsOf: (host: string) => EndpointDefaults,
): readonly Endpoint[] {
  let document: Table;
  try {
    document = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot read ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const read = (table: Table, address: string, isMirror: boolean): Endpoint =>
    endpointFrom({ path, dir, domain, table, address, isMirror, defaultsOf });
  const hosts = Object.entries(tableOf(document["host"]));
  const mirrors = hosts.map(([address, table]) => read(tableOf(table), address, true));
  const server = typeof document["server"] === "string" ? document["server"] : apiHostOf(domain);
  return [...mirrors, read(document, server, false)];
}

function endpointFrom(found: {
  readonly path: string;
  readonly dir: string;
  readonly domain: string;
  readonly table: Table;
  readonly address: string;
  readonly isMirror: boolean;
  readonly defaultsOf: (host: string) => EndpointDefaults;
}): Endpoint {
  const { path, dir, domain, table, address, isMirror, defaultsOf } = found;
  const invalid = (reason: string): StorageError =>
    new StorageError("ERR_FAILED_PRECONDITION", `cannot use ${path}: ${JSON.stringify(address)} ${reason}`);
  const url = URL.parse(address.includes("://") ? address : `https://${address}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "") throw invalid("is no http or https URL");
  const defaults = defaultsOf(url.host);
  const inDir = (file: string): string => (isAbsolute(file) ? file : join(dir, file));
  const authorities = stringsOf(table["ca"]).map(inDir);
  const clients = clientsOf(table["client"]).map(([certificate, key]) => ({
    certificate: inDir(certificate),
    key: key === undefined ? undefined : inDir(key),
  }));
  const rest = url.pathname.replace(/\/+$/, "");
  const pathPrefix = table["override_path"] === true ? rest : rest.endsWith("/v2") ? rest : `${rest}/v2`;
  const named = stringsOf(table["capabilities"]).filter((each): each is Capability =>
    allCapabilities.has(each as Capability),
  );
  const rate = table["requests_per_second"];
  if (rate !== undefined && !(typeof rate === "number" && rate > 0))
    throw invalid("has no number of requests_per_second");
  return {
    host: url.host,
    scheme: url.protocol === "http:" ? "http" : address.includes("://") ? "https" : defaults.scheme,
    pathPrefix,
    capabilities: named.length > 0 ? new Set(named) : isMirror ? mirrorCapabilities : allCapabilities,
    tls: { authorities, clients },
    isVerified: defaults.isVerified && table["skip_verify"] !== true,
    headers: headersOf(table["header"]),
    ...(rate !== undefined && { requestsPerSecond: rate }),
    // A mirror is another party: what is meant for the registry is not shown to it.
    credentialsOf: url.host === apiHostOf(domain) ? domain : url.host,
    relocation: "",
    repositoryOf: (repository) => repository,
  };
}

function tableOf(value: unknown): Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** A path with both, a list of such paths, or a list of pairs. */
function clientsOf(value: unknown): readonly (readonly [string, string | undefined])[] {
  if (typeof value === "string") return [[value, undefined]];
  if (!Array.isArray(value)) return [];
  return value.flatMap((each: unknown): (readonly [string, string | undefined])[] => {
    const [certificate, key] = stringsOf(each);
    return certificate === undefined ? [] : [[certificate, key === "" ? undefined : key]];
  });
}

function headersOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(tableOf(value)).map(([name, each]) => [name.toLowerCase(), stringsOf(each).join(", ")]),
  );
}
