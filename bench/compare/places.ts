/** File systems that stores are made on: a fresh one for each run, as ext4 is slow where much was just deleted. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const places = ["tmpfs", "ext4"] as const;
export type PlaceName = (typeof places)[number];

export interface Place extends Disposable {
  readonly path: string;
}

const memory = "/dev/shm";
const ext4Bytes = 12 * 2 ** 30;

/** "ext4" is a loop device on tmpfs: the file system's own work, without a disk's noise. */
export function freshPlace(name: PlaceName): Place {
  const folder = mkdtempSync(join(memory, "laminate-compare-"));
  const path = join(folder, "place");
  mkdirSync(path);
  const dropped = (): void => {
    // podman leaves its layers' directory mounted on itself.
    spawnSync("umount", ["--recursive", "--lazy", join(path, "podman/overlay")], { stdio: "ignore" });
    if (name === "ext4") spawnSync("umount", [path], { stdio: "ignore" });
    rmSync(folder, { recursive: true, force: true });
  };
  if (name === "tmpfs") return { path, [Symbol.dispose]: dropped };
  const image = join(folder, "ext4.img");
  writeFileSync(image, "");
  truncateSync(image, ext4Bytes);
  execFileSync("mkfs.ext4", ["-q", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", image]);
  execFileSync("mount", ["-o", "loop,noatime", image, path]);
  return { path, [Symbol.dispose]: dropped };
}
