/** The host's programs that containers are started with. */
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** As a shell finds it, with the directories of administrators added: a root shell may lack them. */
export function findOnPath(name: string): string | undefined {
  const directories = (process.env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  const paths = [...directories, "/usr/local/sbin", "/usr/sbin", "/sbin"].map((directory) => join(directory, name));
  return paths.find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
