/** `--init`: a first process that takes in orphans and passes on signals. It is one of this machine's programs. */
import { realpathSync } from "node:fs";
import { startFailure } from "./failure.ts";
import type { PlacedMount } from "./launch.ts";
import { findOnPath, isExecutable } from "./programs.ts";

/** Where Docker has it too. */
const target = "/sbin/docker-init";

const elsewhere = ["/usr/libexec/podman/catatonit", "/usr/libexec/docker/docker-init", "/usr/bin/tini-static"];

/** @throws {StorageError} ERR_FAILED_PRECONDITION, saying what to install. */
export function initMount(): PlacedMount {
  const found =
    ["docker-init", "catatonit", "tini-static", "tini"].map(findOnPath).find((path) => path !== undefined) ??
    elsewhere.find(isExecutable);
  if (found === undefined) throw startFailure("--init needs catatonit or tini on this machine; install one of them");
  return { type: "bind", source: realpathSync(found), target, options: ["rbind", "rprivate", "ro"] };
}

export function withInit(args: readonly string[]): readonly string[] {
  return [target, "--", ...args];
}
