/** Options of the commands that speak to registries. */
import type { RegistryClient, RegistryOptions } from "../index.ts";
import type { OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { OptionValues } from "./options.ts";

export const registryOptions: readonly OptionSpec[] = [
  {
    flags: "--tls-verify",
    description: "check certificates; =false does not, and speaks plain HTTP where there is no TLS",
    onByDefault: true,
  },
  { flags: "--authfile <file>", description: "credentials to use ($REGISTRY_AUTH_FILE)" },
  { flags: "--hosts-dir <dir>", description: "directory of hosts.toml and certificates, a folder a host" },
  {
    flags: "--requests-per-second <number>",
    description: "of each registry, at most ($LAMINATE_REQUESTS_PER_SECOND)",
  },
];

/** @throws {UsageError} for a number that is none. */
export function registrySettings(options: OptionValues): RegistryOptions {
  const hostsDir = options.text("hosts-dir");
  const rate = options.text("requests-per-second") ?? process.env["LAMINATE_REQUESTS_PER_SECOND"] ?? "";
  if (rate !== "" && !(Number(rate) > 0)) {
    throw new UsageError(`requests per second are a number above 0, not ${JSON.stringify(rate)}`);
  }
  return {
    isTlsVerified: options.isOn("tls-verify"),
    authFile: options.text("authfile"),
    ...(rate !== "" && { requestsPerSecond: Number(rate) }),
    ...(hostsDir !== undefined && { hostsDirs: [hostsDir] }),
  };
}

/** To be disposed of. */
export async function openClient(options: OptionValues): Promise<RegistryClient> {
  const { RegistryClient: Client } = await import("../index.ts");
  return new Client(registrySettings(options));
}
