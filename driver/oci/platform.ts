/** Platforms: `os/architecture[/variant]`, in the words of Go's GOOS and GOARCH (image-spec image-index.md). */
import { StorageError } from "../base/errors.ts";
import type { JsonFields } from "./json.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const aliases: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  x64: ["amd64"],
  aarch64: ["arm64"],
  i386: ["386"],
  i486: ["386"],
  i586: ["386"],
  i686: ["386"],
  ia32: ["386"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  loongarch64: ["loong64"],
};

/** Variants that are what their architecture means without one. */
const defaultVariants: Readonly<Record<string, string>> = { arm64: "v8", amd64: "v1", arm: "v7" };

const partPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** Common spellings made one: x86_64 is amd64, aarch64 and arm64/v8 are arm64, arm is arm/v7. */
export function normalizePlatform(platform: Platform): Platform {
  const named = platform.architecture.toLowerCase();
  const [architecture, impliedVariant] = (Object.hasOwn(aliases, named) ? aliases[named] : undefined) ?? [named];
  let variant = platform.variant?.toLowerCase() ?? "";
  if (variant === "") variant = impliedVariant ?? "";
  if (/^[0-9]$/.test(variant)) variant = `v${variant}`;
  if (architecture === "arm" && variant === "") variant = "v7";
  if (architecture !== "arm" && variant === defaultVariants[architecture]) variant = "";
  return { os: platform.os.toLowerCase(), architecture, ...(variant !== "" && { variant }) };
}

/**
 * Reads `os/architecture[/variant]` or only an architecture (of linux) and normalizes it.
 * @throws {StorageError} ERR_INVALID_ARGUMENT
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const [first = "", second, third] = parts;
  if (parts.length > 3 || !parts.every((part) => partPattern.test(part))) {
    const shown = JSON.stringify(text.slice(0, 100));
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot use platform ${shown}: want os/architecture[/variant]`);
  }
  if (second === undefined) return normalizePlatform({ os: "linux", architecture: first });
  return normalizePlatform({ os: first, architecture: second, ...(third !== undefined && { variant: third }) });
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** The platform whose images run here. */
export function hostPlatform(arch: string = process.arch): Platform {
  return normalizePlatform({ os: "linux", architecture: arch === "ppc64" ? "ppc64le" : arch });
}

/**
 * How well `offered` serves `wanted`: undefined if not at all, else 0 for the same variant and more for each older one
 * (an arm/v7 machine runs arm/v6, an amd64/v3 one amd64). Smaller is better.
 */
export function platformDistance(wanted: Platform, offered: Platform): number | undefined {
  const want = normalizePlatform(wanted);
  const offer = normalizePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return undefined;
  if (want.variant === offer.variant) return 0;
  if (want.architecture !== "arm" && want.architecture !== "amd64") return undefined;
  const distance = versionOf(want) - versionOf(offer);
  return distance > 0 ? distance : undefined;
}

function versionOf(platform: Platform): number {
  const number = /^v([0-9])$/.exec(platform.variant ?? defaultVariants[platform.architecture] ?? "")?.[1];
  return number === undefined ? Number.NaN : Number(number);
}

/** Buildkit lists attestations in an index under this platform: they are not images. */
export function isUnknownPlatform(platform: Platform): boolean {
  return platform.os === "unknown" || platform.architecture === "unknown";
}

/** A descriptor's `platform`, as written. */
export function platformFrom(fields: JsonFields): Platform {
  const variant = fields.optionalString("variant", 64);
  return {
    os: fields.optionalString("os", 64) ?? "",
    architecture: fields.optionalString("architecture", 64) ?? "",
    ...(variant !== undefined && variant !== "" && { variant }),
  };
}
