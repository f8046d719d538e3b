/** Where the program is: looked up in the container's root, so that "not found" is told apart before anything runs. */
import { S_ISDIR, S_ISREG } from "../sys/constants.ts";
import { exitCodes, startFailure } from "./failure.ts";
import type { ProcessConfig } from "./container.ts";
import type { Rootfs } from "./rootfs.ts";

/**
 * The absolute path, in the container, of the program that `process` names; by its PATH if the name has no slash.
 * @throws {StorageError} with details.exitCode 127 when there is none, 126 when it is not an executable file.
 */
export function findExecutable(rootfs: Rootfs, process: ProcessConfig): string {
  const name = process.args[0] ?? "";
  let refused: string | undefined;
  for (const directory of name.includes("/") ? [process.cwd] : searchPath(process)) {
    const path = below(process.cwd, below(directory, name));
    const stat = rootfs.stat(path);
    if (stat === undefined) continue;
    if (S_ISREG(stat.mode) && (stat.mode & 0o111) !== 0) return path;
    refused ??= `${JSON.stringify(path)} ${S_ISDIR(stat.mode) ? "is a directory" : "is not executable"}`;
  }
  if (refused !== undefined) throw startFailure(refused, exitCodes.notExecutable);
  const where = name.includes("/") ? "no such file in it" : "not found in its PATH";
  throw startFailure(`${JSON.stringify(name)}: ${where}`, exitCodes.notFound);
}

/** Not normalised: what ".." means after a symlink is the kernel's to say. */
function below(directory: string, path: string): string {
  return path.startsWith("/") || directory === "" ? path : `${directory}/${path}`;
}

/** An empty PATH, or an empty part of it, means the working directory. */
function searchPath({ env }: ProcessConfig): readonly string[] {
  const path = env.find((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  return path.split(":");
}
