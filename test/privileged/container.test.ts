/** Containers for real: the same behaviour by runc, by the built-in runner as root, and by it as an ordinary user. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CreateOptions } from "../../driver/container/container.ts";
import { hasHybridCgroups } from "../../driver/container/host.ts";
import { findOnPath } from "../../driver/container/programs.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { makeRootfs } from "./container-rootfs.ts";

interface Kind {
  readonly name: string;
  readonly runtime: string;
  readonly asNobody: boolean;
  readonly missing: boolean;
}

const root = needRoot();
const kinds: readonly Kind[] = [
  { name: "runc", runtime: "runc", asNobody: false, missing: needAll(root, needPrograms("runc")).missing },
  { name: "the built-in runner as root", runtime: "chroot", asNobody: false, missing: root.missing },
  {
    name: "the built-in runner as an ordinary user",
    runtime: "chroot",
    asNobody: true,
    missing: needAll(root, needPrograms("setpriv")).missing,
  },
  ...(findOnPath("crun") === undefined || hasHybridCgroups()
    ? []
    : [{ name: "crun", runtime: "crun", asNobody: false, missing: root.missing }]),
];

const helper = join(import.meta.dirname, "container-run.ts");
const nobody = 65534;

for (const kind of kinds) {
  describe.skipIf(kind.missing)(`containers by ${kind.name}`, () => {
    let folder = "";
    let files = "";

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "laminate-run-"));
      files = join(folder, "files");
      makeRootfs(files);
      mkdirSync(join(folder, "store"));
      if (kind.asNobody) execFileSync("chown", ["-R", `${nobody}:${nobody}`, folder]);
    });

    afterAll(() => {
      removeTree(folder);
    });

    function commandLine(options: Partial<CreateOptions>, image = files): [string, string[]] {
      const words = ["--disable-warning=ExperimentalWarning", helper, join(folder, "store"), image];
      const json = JSON.stringify({ autoRemove: true, ...options });
      if (!kind.asNobody) return [process.execPath, [...words, json]];
      const as = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
      return ["setpriv", [...as, process.execPath, ...words, json]];
    }

    const env = { PATH: process.env["PATH"] ?? "", LAMINATE_RUNTIME: kind.runtime, SECRET: "of-the-host" };

    function run(options: Partial<CreateOptions>, image = files, input = "") {
      const [file, args] = commandLine(options, image);
      const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", env, input });
      return { status, stdout, stderr };
    }

    function shell(script: string, options: Partial<CreateOptions> = {}) {
      return run({ command: ["sh", "-c", script], ...options });
    }

    it("run passes on output and exit code", () => {
      expect(shell("echo out; echo err >&2; exit 7")).toEqual({ status: 7, stdout: "out\n", stderr: "err\n" });
    });

    it("run says 127 for what is not there and 126 for what cannot run", () => {
      expect(run({ command: ["nope"] })).toMatchObject({ status: 127, stdout: "" });
      expect(run({ command: ["/etc/passwd"] })).toMatchObject({ status: 126, stdout: "" });
      expect(run({ command: ["sh"], user: "mallory" })).toMatchObject({ status: 125, stdout: "" });
    });

    it("run isolates processes, host name and environment", () => {
      const host = readFileSync("/proc/sys/kernel/hostname", "utf8");
      const { stdout } = shell('echo $$; hostname; env; ls /proc | grep -c "^[0-9]"', { hostname: "box" });
      const lines = stdout.trim().split("\n");
      expect(lines[0]).toBe("1");
      expect(lines[1]).toBe("box");
      expect(lines).toEqual(expect.arrayContaining(["FROM_IMAGE=yes", "HOSTNAME=box", "HOME=/root"]));
      expect(stdout).not.toContain("of-the-host");
      expect(Number(lines.at(-1))).toBeLessThan(5);
      expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).toBe(host);
    });

    it("run starts in the working directory, made if missing, as the user of the image's own files", () => {
      const { stdout, stderr } = shell("pwd; id -u; id -g; echo $HOME; touch /tmp/mine; ls -l /tmp", {
        user: "ann",
        workdir: "/new/place",
      });
      expect(stderr).toBe("");
      const lines = stdout.trim().split("\n");
      expect(lines.slice(0, 4)).toEqual(["/new/place", "1000", "1000", "/home/ann"]);
      expect(lines.at(-1)).toContain(" ann ");
    });

    it.skipIf(kind.asNobody)("run gives a user its supplementary groups", () => {
      expect(shell("id -G", { user: "ann" }).stdout).toBe("1000 77\n");
      expect(shell("id -G", { user: "ann:5" }).stdout).toBe("5\n");
    });

    it("run keeps arguments and variables as they are", () => {
      const odd = `a'b"c $HOME \\ \n *`;
      expect(run({ command: ["env"], env: [`ODD=${odd}`] }).stdout).toContain(`ODD=${odd}\n`);
      expect(run({ command: ["sh", "-c", 'printf %s "$1"', "sh", odd] }).stdout).toBe(odd);
    });

    it("run gives no input unless asked to", () => {
      expect(run({ command: ["cat"] }, files, "hello").stdout).toBe("");
      expect(run({ command: ["cat"], interactive: true }, files, "hello").stdout).toBe("hello");
    });

    it("run hands no file of ours to the program", () => {
      const [file, args] = commandLine({ command: ["ls", "-l", "/proc/self/fd"] });
      // As a careless parent would leave it: the host's root as descriptor 9.
      const { stdout } = spawnSync("sh", ["-c", 'exec "$@" 9</', "sh", file, ...args], { encoding: "utf8", env });
      expect(stdout).toContain(" 0 -> ");
      expect(stdout).not.toMatch(/-> \/\n/);
      expect(stdout).not.toContain("lock");
    });

    it("run gives few capabilities, and hides or protects what the kernel shares", () => {
      const { stdout } = shell(
        "grep CapEff /proc/self/status; cat /proc/keys; echo x 2>/dev/null >/proc/sys/kernel/domainname || echo refused",
      );
      const effective = BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(stdout)?.[1] ?? "f"}`);
      const docker = 0xa80425fbn;
      expect(effective & ~docker).toBe(0n);
      expect(stdout.trim().split("\n").slice(1)).toEqual(["refused"]);
    });

    it("run has the devices that programs expect", () => {
      const { stdout, stderr } = shell("echo lost >/dev/null; ls /dev /dev/pts; cat /dev/zero | grep -q x & sleep 0.1");
      expect(stderr).toBe("");
      for (const name of ["null", "zero", "random", "urandom", "tty", "ptmx", "shm", "stdout", "fd"]) {
        expect(stdout.split("\n")).toContain(name);
      }
    });

    it("run forwards signals to the program", async () => {
      const child = start('trap "echo got; exit 5" TERM; echo up; while :; do sleep 0.05; done');
      await firstLine(child);
      child.kill("SIGTERM");
      expect(await once(child, "exit")).toEqual([5, null]);
    });

    it("run leaves no mount, no process and no file", () => {
      shell("exit 3");
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
      expect(readdirSync(join(folder, "store/snapshots"))).toEqual([]);
      expect(readdirSync(join(folder, "store/state/containers"))).toEqual([]);
    });

    it("run lets no link of the image lead its mounts to the host", () => {
      const outside = join(folder, "outside");
      mkdirSync(outside, { recursive: true });
      chmodSync(outside, 0o777);
      const hostile = join(folder, `hostile-${kind.runtime}`);
      execFileSync("cp", ["-a", files, hostile]);
      for (const name of ["proc", "dev", "sys"]) symlinkSync(join("..", "..", "..", outside), join(hostile, name));
      execFileSync("rm", ["-rf", join(hostile, "etc/hosts")]);
      symlinkSync(join(outside, "hosts"), join(hostile, "etc/hosts"));
      run({ command: ["sh", "-c", "exit 0"] }, hostile);
      expect(readdirSync(outside)).toEqual([]);
    });

    it("run keeps the image's libraries out of what starts it", () => {
      const probe = join(files, "probe.so");
      if (!existsSync(probe)) writeFileSync(probe, "not a library");
      const { status, stderr } = shell("exit 4", { env: ["LD_PRELOAD=/probe.so"] });
      expect(status).toBe(4);
      // In the container the file is there and no library; on the host it would be missing.
      expect(stderr).toContain("probe.so");
      expect(stderr).not.toContain("cannot open shared object file");
    });

    it("a killed laminate leaves a container that is still known, and that remove ends", async () => {
      const child = start("echo up; while :; do sleep 0.05; done");
      await firstLine(child);
      child.kill("SIGKILL");
      await once(child, "exit");
      const [file, args] = commandLine({}, "--remove-all");
      const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", env });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/^refused: cannot remove container .*: it is running\nremoved running\n$/);
      expect(readdirSync(join(folder, "store/state/containers"))).toEqual([]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
    });

    function start(script: string): ChildProcess {
      const [file, args] = commandLine({ command: ["sh", "-c", script] });
      return spawn(file, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    }
  });
}

/** Fails when the program ends without a word. */
function firstLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", () => {
      resolve();
    });
    child.once("close", (code) => {
      reject(new Error(`ended with ${String(code)}`));
    });
  });
}
