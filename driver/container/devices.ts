/** The devices of this machine: all for privileged containers, single ones for others. */
import { lstatSync, readdirSync, realpathSync, type Stats } from "node:fs";
import { join } from "node:path";
import { startFailure } from "./failure.ts";
import type { HostDevice } from "./host-config.ts";
import type { SpecDevice } from "./runtime-spec.ts";

/** What every container has of its own. */
const own = new Set([
  "pts",
  "shm",
  "mqueue",
  "fd",
  "console",
  "ptmx",
  "tty",
  "null",
  "zero",
  "full",
  "random",
  "urandom",
]);

export function hostDevices(): readonly SpecDevice[] {
  return devicesBelow("/dev", own);
}

/** @throws {StorageError} ERR_FAILED_PRECONDITION for what is neither a device nor a directory of some. */
export function devicesAt({ source, target }: Pick<HostDevice, "source" | "target">): readonly SpecDevice[] {
  const found = devicesAs(realPath(source), target);
  if (found.length === 0) throw startFailure(`${source} is no device of this machine`);
  return found;
}

function realPath(source: string): string {
  try {
    return realpathSync(source);
  } catch {
    throw startFailure(`there is no ${source} on this machine`);
  }
}

function devicesAs(source: string, target: string): readonly SpecDevice[] {
  const stat = tryStat(source);
  if (stat?.isDirectory() === true) {
    return namesIn(source).flatMap((name) => devicesAs(join(source, name), join(target, name)));
  }
  return stat === undefined ? [] : deviceOf(target, stat);
}

function devicesBelow(directory: string, skipped: ReadonlySet<string>): readonly SpecDevice[] {
  return namesIn(directory)
    .filter((name) => !skipped.has(name))
    .flatMap((name) => {
      const path = join(directory, name);
      const stat = tryStat(path);
      if (stat === undefined) return [];
      if (stat.isDirectory()) return devicesBelow(path, new Set());
      return deviceOf(path, stat);
    });
}

function deviceOf(path: string, stat: Stats): readonly SpecDevice[] {
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return [];
  const { major, minor } = numbersOf(stat.rdev);
  const type = stat.isBlockDevice() ? "b" : "c";
  return [{ path, type, major, minor, fileMode: stat.mode & 0o777, uid: stat.uid, gid: stat.gid }];
}

/** As the C library takes a dev_t apart. */
function numbersOf(rdev: number): { major: number; minor: number } {
  const device = BigInt(rdev);
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function tryStat(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
