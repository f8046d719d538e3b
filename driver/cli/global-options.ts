/** Options that every command has; they may stand before the command or among its own. */
import type { StorageOptions } from "../index.ts";
import type { OptionSpec } from "./command.ts";
import type { OptionValues } from "./options.ts";
import { progressChoices } from "./progress-mode.ts";

export const globalOptions: readonly OptionSpec[] = [
  { flags: "--root <dir>", description: "where images and snapshots are kept ($LAMINATE_ROOT)" },
  { flags: "--state <dir>", description: "where mounts and running containers live ($LAMINATE_STATE)" },
  {
    flags: "--backend <name>",
    description: "how snapshots are kept: auto, overlay or copy",
    choices: ["auto", "overlay", "copy"],
  },
  {
    flags: "--digest <engine>",
    description: "which SHA-256 runs: auto, wasm or native",
    choices: ["auto", "wasm", "native"],
  },
  {
    flags: "--durability <level>",
    description: "full survives a power cut, none is faster",
    choices: ["full", "none"],
  },
  {
    flags: "--progress <mode>",
    description: `how progress is shown: ${progressChoices.join(", ")}`,
    choices: progressChoices,
  },
];

/** Choices have been checked by then. */
export function storageOptions(options: OptionValues): StorageOptions {
  const given: Record<string, string> = {};
  for (const name of ["root", "state", "backend", "digest", "durability"] as const) {
    const value = options.text(name);
    if (value !== undefined) given[name] = value;
  }
  return given;
}
