import { parseReference } from "../door.ts";
import { UsageError } from "./errors.ts";

/** A registry as `login` takes it, Docker Hub if none is given, as the domain that references have. */
export function registryDomain(server: string | undefined): string {
  if (server === undefined || server === "") return "docker.io";
  const host = server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  if (host === "index.docker.io" || host === "registry-1.docker.io" || host === "docker.io") return "docker.io";
  const { domain } = parseReference(`${host}/x/y`);
  if (domain === host) return host;
  throw new UsageError(`${JSON.stringify(server)} is no registry: give a host name with a dot or a port, or localhost`);
}
