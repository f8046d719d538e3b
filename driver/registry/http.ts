import { createRequire } from "node:module";
import type * as undici from "undici";

const load = createRequire(import.meta.url);

/** Loaded when first needed: it is a third of all code, and most commands, and each container's process, do without. */
export function http(): typeof undici {
  return load("undici") as typeof undici;
}
