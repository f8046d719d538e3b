/** Finds and loads the native addon, once a thread. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { arch, platform } from "node:process";
import { StorageError } from "../base/errors.ts";
import type { Addon } from "./native/addon.d.ts";

/** This file is driver/sys/addon.ts in a checkout and dist/sys/addon.js in a package: two levels below the root. */
const buildDir = join(import.meta.dirname, "../../build");

/**
 * The addon for a platform and processor, loaded.
 * @throws {StorageError} ERR_UNIMPLEMENTED where there can be none, ERR_FAILED_PRECONDITION where it is not built.
 */
export function loadAddon(forPlatform: string = platform, forArch: string = arch, dir: string = buildDir): Addon {
  if (forPlatform !== "linux" || (forArch !== "x64" && forArch !== "arm64")) {
    throw new StorageError(
      "ERR_UNIMPLEMENTED",
      `cannot run on ${forPlatform} ${forArch}: laminate makes Linux system calls; run it on Linux x64 or arm64`,
    );
  }
  const file = join(dir, `laminate-linux-${forArch}.node`);
  if (!existsSync(file)) {
    throw new StorageError(
      "ERR_FAILED_PRECONDITION",
      `cannot load ${file}: it is not built; run "npm run build:addon" in the package's directory`,
    );
  }
  try {
    return createRequire(import.meta.url)(file) as Addon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(
      "ERR_FAILED_PRECONDITION",
      `cannot load ${file}: ${reason}; build it again with "npm run build:addon"`,
      { cause: error },
    );
  }
}

export const addon: Addon = loadAddon();
