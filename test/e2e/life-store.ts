/** A store with one image of this machine's own programs, and the command line on it. */
import { execFileSync, spawn, type ChildProcess, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { buildDockerArchive } from "../fixtures/image-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { makeRootfs } from "../privileged/container-rootfs.ts";

const main = javascriptOf("cli/main.ts");

export interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class LifeStore {
  readonly folder: string = mkdtempSync(join(tmpdir(), "laminate-life-"));
  readonly #env: Record<string, string | undefined>;

  constructor(env: Record<string, string> = {}) {
    this.#env = { ...process.env, TERM: "xterm", ...env };
  }

  async load(): Promise<void> {
    const files = join(this.folder, "files");
    makeRootfs(files);
    const layer = execFileSync("tar", ["-C", files, "--numeric-owner", "--owner=0", "--group=0", "-c", "."], {
      maxBuffer: 2 ** 28,
    });
    const config = {
      Cmd: ["sh"],
      Env: ["PATH=/bin", "FROM_IMAGE=yes"],
      Volumes: { "/home": {}, "/data": {} },
      Labels: { "from.image": "yes" },
    };
    const archive = join(this.folder, "images.tar");
    writeFileSync(
      archive,
      await buildDockerArchive([{ names: ["docker.io/library/base:1"], layers: [{ tar: layer }], config }]),
    );
    this.ok("load", "-q", "-i", archive);
  }

  line(words: readonly string[]): string[] {
    const globals = ["--root", join(this.folder, "root"), "--durability", "none"];
    return ["--disable-warning=ExperimentalWarning", main, ...globals, ...words];
  }

  run(words: readonly string[], input?: string): Answer {
    const options = { encoding: "utf8", env: this.#env, ...(input !== undefined && { input }) } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, this.line(words), options);
    return { status, stdout, stderr };
  }

  /** Standard output of a command that must work, without its last newline. */
  ok(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.run(words);
    expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: "" });
    return stdout.trimEnd();
  }

  spawn(...words: readonly string[]): ChildProcess {
    return spawn(process.execPath, this.line(words), { env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Mounts, processes and directories of containers that are still there. */
  leftOvers(): readonly string[] {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    const places = ["root/state/containers", "root/containers", "root/state/runtime/runc"];
    return [
      ...mounts.filter((mount) => mount.includes(this.folder)),
      ...this.processes(),
      ...places.flatMap((place) => list(join(this.folder, place)).map((name) => join(place, name))),
    ];
  }

  /** Command lines that name the store. */
  processes(): readonly string[] {
    return list("/proc")
      .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)
      .map((pid) => `${pid} ${read(join("/proc", pid, "cmdline")).replaceAll("\0", " ")}`)
      .filter((line) => line.includes(this.folder));
  }

  /** Of the process that attends to a container. */
  monitorOf(id: string): number {
    const found = this.#titled(`laminate: container ${id.slice(0, 12)}`);
    expect(found).toHaveLength(1);
    return found[0] ?? 0;
  }

  /** Of all containers of this store, also while they start. */
  monitors(): readonly number[] {
    const known = list(join(this.folder, "root/state/containers"));
    const named = known.flatMap((id) => this.#titled(`laminate: container ${id.slice(0, 12)}`));
    const starting = this.processes().filter((line) => line.includes("monitor.js"));
    return [...named, ...starting.map((line) => Number(line.split(" ")[0]))];
  }

  /** What a failed test has left. */
  removeContainers(): void {
    if (list(join(this.folder, "root/state/containers")).length === 0) return;
    const { stdout } = this.run(["ps", "-aq"]);
    if (stdout !== "") this.run(["rm", "-f", ...stdout.trim().split("\n")]);
  }

  /** Resolves once a process has a file open whose path ends so. */
  async hasOpen(pid: number | undefined, end: string): Promise<void> {
    const fds = `/proc/${String(pid)}/fd`;
    await expect
      .poll(() => list(fds).map((fd) => linkOf(join(fds, fd))), { timeout: 60_000 })
      .toContainEqual(expect.stringMatching(new RegExp(`${end}$`)));
  }

  #titled(title: string): readonly number[] {
    return list("/proc")
      .filter((pid) => /^[0-9]+$/.test(pid) && read(join("/proc", pid, "cmdline")).startsWith(title))
      .map(Number);
  }

  [Symbol.dispose](): void {
    this.removeContainers();
    removeTree(this.folder);
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
