/** `laminate serve` and a newer Debian's containerd, configured as `serve --print-config` says. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage } from "../../driver/index.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { Containerd } from "../fixtures/containerd.ts";
import { Daemon } from "../fixtures/daemon.ts";
import { debianEngine } from "../fixtures/debian-engine.ts";
import { javascriptOf } from "../javascript-driver.ts";

export class EngineStore implements AsyncDisposable {
  readonly folder: string;
  readonly containerd: Containerd;
  daemon: Daemon;
  readonly #scope: AsyncDisposableStack;

  private constructor(folder: string, containerd: Containerd, daemon: Daemon, scope: AsyncDisposableStack) {
    this.folder = folder;
    this.containerd = containerd;
    this.daemon = daemon;
    this.#scope = scope;
  }

  /** In remote mode containerd serves Kubernetes as well. */
  static async start(runtime: "containerd-1.7" | "docker", { isRemote = false } = {}): Promise<EngineStore> {
    await using scope = new AsyncDisposableStack();
    scope.use(debianEngine());
    const folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    scope.defer(() => {
      removeTree(folder);
    });
    const remote = isRemote ? ["--remote"] : [];
    const daemon = await startDaemon(folder, remote);
    const config = printedConfig(folder, runtime, remote).replace(/^version = 2$/m, "");
    try {
      const disabled = isRemote ? [] : undefined;
      const containerd = scope.use(await Containerd.start(join(folder, "containerd"), config, [], disabled));
      return new EngineStore(folder, containerd, daemon, scope.move());
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `/etc/docker/daemon.json` as it is printed. */
  daemonJson(): object {
    const line = printedConfig(this.folder, "docker")
      .split("\n")
      .find((text) => text.startsWith("# {"));
    return JSON.parse(line?.slice(2) ?? "") as object;
  }

  async startDaemon(): Promise<void> {
    this.daemon = await startDaemon(this.folder);
  }

  /** Names without containerd's "namespace/number/". */
  async snapshots(): Promise<readonly string[]> {
    const places = { root: join(this.folder, "root"), state: join(this.folder, "state") };
    await using storage = await createStorage({ ...places, durability: "none" });
    const names: string[] = [];
    for await (const { name } of storage.snapshots.walk()) names.push(name.replace(/^[^/]+\/[0-9]+\//, ""));
    return names.sort();
  }

  /** Names that containerd knows in a namespace. */
  known(namespace: string): readonly string[] {
    const words = ["--namespace", namespace, "snapshots", "--snapshotter", "laminate", "ls"];
    return this.containerd
      .ctr(...words)
      .split("\n")
      .slice(1)
      .map((line) => line.split(/\s+/)[0] ?? "")
      .filter((name) => name !== "")
      .sort();
  }

  /** Directories of snapshots. */
  directories(): readonly string[] {
    return readdirSync(join(this.folder, "root/snapshots")).filter((name) => /^[0-9]+$/.test(name));
  }

  /** What is in the making, or on its way out. */
  staging(): readonly string[] {
    return readdirSync(join(this.folder, "root/staging")).filter((name) => name !== "lock");
  }

  /** Where something is mounted below the folder; dockerd mounts its own data for as long as it runs. */
  mountPoints(): readonly string[] {
    return readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .filter((path) => path.startsWith(`${this.folder}/`) && path !== join(this.folder, "docker/data"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#scope.disposeAsync();
    } finally {
      await this.daemon[Symbol.asyncDispose]();
    }
  }
}

function startDaemon(folder: string, remote: readonly string[] = []): Promise<Daemon> {
  const containerd = join(folder, "containerd/socket");
  return Daemon.start(folder, { words: ["--containerd", containerd, "--log-level", "debug", ...remote] });
}

function printedConfig(folder: string, runtime: string, remote: readonly string[] = []): string {
  const places = ["--root", join(folder, "root"), "serve", "--address", join(folder, "laminate.sock"), ...remote];
  return execFileSync(process.execPath, [javascriptOf("cli/main.ts"), ...places, "--print-config", runtime], {
    encoding: "utf8",
  });
}
