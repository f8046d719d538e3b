/** What `apt-get install nodejs npm` brings on a machine that has nothing: about 30,000 files of 270 MB. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keptFolder } from "./kept.ts";

const packages = ["nodejs", "npm"];

export function nodeTree(): string {
  const root = keptFolder();
  const tree = join(root, "node-install");
  if (existsSync(tree)) return tree;
  console.log(`installing ${packages.join(" and ")} below ${tree}, once`);
  const archives = join(root, "archives");
  mkdirSync(join(archives, "partial"), { recursive: true });
  const status = join(root, "nothing-installed");
  writeFileSync(status, "");
  const options = [`Dir::State::status=${status}`, `Dir::Cache::archives=${archives}`, "APT::Sandbox::User=root"];
  const words = ["-y", "-qq", "--no-install-recommends", "--download-only", "install", ...packages];
  execFileSync("apt-get", [...options.flatMap((option) => ["-o", option]), ...words], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const made = `${tree}.${process.pid}`;
  mkdirSync(made);
  for (const name of readdirSync(archives).sort()) {
    if (name.endsWith(".deb")) execFileSync("dpkg-deb", ["-x", join(archives, name), made]);
  }
  renameSync(made, tree);
  rmSync(archives, { recursive: true });
  return tree;
}
