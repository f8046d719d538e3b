/** Where the repositories of a domain are really served: the registry itself and its mirrors, in order of preference. */
import type { TlsFiles } from "./certificates.ts";

export type Capability = "pull" | "resolve" | "push";

export interface Endpoint {
  /** As in a URL, with its port: "registry-1.docker.io", "localhost:5000". */
  readonly host: string;
  /** "either": https, but http where the host does not speak TLS. Never chosen but for loopback or when asked for. */
  readonly scheme: "https" | "http" | "either";
  /** "/v2" unless a mirror lives elsewhere. */
  readonly pathPrefix: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly tls: TlsFiles;
  /** False: certificates are not checked, as asked. */
  readonly isVerified: boolean;
  /** Sent to this host only. */
  readonly headers: Readonly<Record<string, string>>;
  /** At most, where hosts.toml says so. */
  readonly requestsPerSecond?: number;
  /** Under which name credentials are kept: "docker.io", "localhost:5000". */
  readonly credentialsOf: string;
  /** "" unless repositories have other names there; then what tells this from other such changes. */
  readonly relocation: string;
  readonly repositoryOf: (repository: string) => string;
}

export const allCapabilities: ReadonlySet<Capability> = new Set<Capability>(["pull", "resolve", "push"]);
export const mirrorCapabilities: ReadonlySet<Capability> = new Set<Capability>(["pull", "resolve"]);

/** Docker Hub's API has another name than its images. */
export function apiHostOf(domain: string): string {
  return domain === "docker.io" ? "registry-1.docker.io" : domain;
}
