/** A root file system of this machine's own programs: a shell, a few tools and the libraries they need. */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const programs = ["sh", "cat", "ls", "id", "env", "sleep", "hostname", "touch", "grep", "mkdir", "stty"];

export function makeRootfs(root: string): void {
  for (const directory of ["bin", "usr/bin", "etc", "root", "home/ann"]) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  mkdirSync(join(root, "tmp"));
  chmodSync(join(root, "tmp"), 0o1777);
  for (const name of programs) {
    const path = ["/bin", "/usr/bin"].map((directory) => join(directory, name)).find((found) => existsSync(found));
    if (path === undefined) throw new Error(`this machine has no ${name}`);
    copyFileSync(realpathSync(path), join(root, "bin", name));
    for (const library of librariesOf(path)) {
      mkdirSync(join(root, dirname(library)), { recursive: true });
      if (!existsSync(join(root, library))) copyFileSync(realpathSync(library), join(root, library));
    }
  }
  copyFileSync(join(root, "bin/env"), join(root, "usr/bin/env"));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nann:x:1000:\nwheel:x:77:ann\n");
}

function librariesOf(path: string): readonly string[] {
  const { stdout } = spawnSync("ldd", [path], { encoding: "utf8" });
  return Array.from(stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g), (match) => match[1] ?? "");
}
