/** What the batch commands have in common. */
import { resolve } from "node:path";
import type { ImageSet, SetClient } from "../index.ts";
import type { CommandContext, OptionSpec } from "./command.ts";
import type { OptionValues } from "./options.ts";
import { printable } from "./format.ts";
import { registryOptions, registrySettings } from "./registry-options.ts";

export const batchOptions: readonly OptionSpec[] = [
  {
    flags: "--platform <platform>",
    description: "os/architecture[/variant] of images of which the set says none ($DOCKER_DEFAULT_PLATFORM)",
  },
  ...registryOptions,
];

/** The sets in these files as one; what of them is not done here is said on standard error. */
export async function readSet(paths: readonly string[]): Promise<ImageSet> {
  const { readImageSet } = await import("../index.ts");
  const set = await readImageSet(paths);
  for (const warning of set.warnings) process.stderr.write(`WARNING: ${printable(warning)}\n`);
  return { ...set, name: setName(paths) };
}

/** The same from wherever the command is given. */
export function setName(paths: readonly string[]): string {
  return paths.map((path) => (path === "-" ? path : resolve(path))).join(", ");
}

/** To be disposed of. */
export async function openBatchClient(set: ImageSet, options: OptionValues): Promise<SetClient> {
  const { openSetClient } = await import("../index.ts");
  return openSetClient(set, registrySettings(options));
}

export function platformOf(options: OptionValues, { env }: Pick<CommandContext, "env">): { platform?: string } {
  const given = options.text("platform") ?? env["DOCKER_DEFAULT_PLATFORM"];
  return given === undefined || given === "" ? {} : { platform: given };
}
