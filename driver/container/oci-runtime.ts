/** runc and crun, driven through the command line that both share. */
import { type ChildProcess, execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import { exitCodes, startFailure } from "./failure.ts";
import { endOf, startInForeground } from "./foreground.ts";
import type { ExecOrder, Launch, Runtime, StartedProcess } from "./launch.ts";
import { execSpec, type HostFacts, runtimeSpec } from "./oci-bundle.ts";
import { hostDevices } from "./devices.ts";
import { hasUnifiedCgroup, grantableCapabilities, maxOpenFiles } from "./host.ts";

const killRetryMs = 50;
const killTries = 40;
const pidFilePollMs = 10;

/** @param state where it keeps its own records of containers. */
export function createOciRuntime(name: "runc" | "crun", path: string, state: string): Runtime {
  const command = (...args: readonly string[]): readonly string[] => ["--root", state, ...args];

  const call = (...args: readonly string[]) => spawnSync(path, command(...args), { encoding: "utf8" });

  function signal(id: string, _pid: number, name: NodeJS.Signals): void {
    call("kill", id, name);
  }

  function initPid(id: string): number | undefined {
    const { status, stdout } = call("state", id);
    if (status !== 0) return undefined;
    const answer = JSON.parse(stdout) as { pid?: unknown };
    return typeof answer.pid === "number" && answer.pid > 0 ? answer.pid : undefined;
  }

  function freezer(verb: "pause" | "resume"): (id: string) => void {
    return (id) => {
      const { status, stderr } = call(verb, id);
      if (status === 0) return;
      throw new StorageError("ERR_FAILED_PRECONDITION", `cannot ${verb} container: ${name}: ${lastLine(stderr)}`);
    };
  }

  async function start(launch: Launch): Promise<StartedProcess> {
    const log = join(launch.files, "runtime.log");
    const pidFile = join(launch.files, "pid");
    rmSync(log, { force: true });
    rmSync(pidFile, { force: true });
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const spec = runtimeSpec(launch, hostFacts());
    writeFileSync(join(launch.files, "config.json"), JSON.stringify(spec, null, 2), { mode: 0o600 });

    const args = ["--log", log, "--log-format", "json", "run", "--bundle", launch.files, "--pid-file", pidFile];
    const { streams, lockFd } = launch;
    const child = await startInForeground(path, command(...args, launch.id), { streams, lockFd });
    const pid = child.pid ?? 0;

    /** It may not have made the container yet; and killed itself, it would leave the container running. */
    function insistOnKilling(triesLeft: number): void {
      if (child.exitCode !== null || child.signalCode !== null) return;
      if (triesLeft === 0) {
        child.kill("SIGKILL");
        return;
      }
      execFile(path, command("kill", launch.id, "KILL"), () => {
        setTimeout(insistOnKilling, killRetryMs, triesLeft - 1);
      });
    }

    async function ended(): Promise<number> {
      const exitCode = await endOf(child);
      if (existsSync(join(state, launch.id))) {
        spawnSync(path, command("delete", "--force", launch.id), { stdio: "ignore" });
      }
      // The pid file is written once the program has been executed.
      if (exitCode !== 0 && !existsSync(pidFile)) throw failureFrom(name, log);
      return exitCode;
    }

    const end = ended();
    return {
      pid,
      executed: () => fileOrEnd(pidFile, child, end),
      ended: end,
      kill(signal) {
        if (signal === "SIGKILL") insistOnKilling(killTries);
        else child.kill(signal);
      },
    };
  }

  async function exec({ id, files, process, host, user, streams, detach }: ExecOrder): Promise<StartedProcess> {
    const mark = randomBytes(8).toString("hex");
    const log = join(files, `exec-${mark}.log`);
    const pidFile = join(files, `exec-${mark}.pid`);
    const spec = join(files, `exec-${mark}.json`);
    writeFileSync(spec, JSON.stringify(execSpec(process, host, user, hostFacts())), { mode: 0o600 });
    const args = ["--log", log, "--log-format", "json", "exec", "--process", spec, "--pid-file", pidFile];
    const child = await startInForeground(path, command(...args, ...(detach ? ["--detach"] : []), id), { streams });

    async function ended(): Promise<number> {
      const exitCode = await endOf(child);
      const wasExecuted = existsSync(pidFile);
      try {
        if (exitCode !== 0 && !wasExecuted) throw failureFrom(name, log);
      } finally {
        for (const file of [log, pidFile, spec]) rmSync(file, { force: true });
      }
      return exitCode;
    }

    const end = ended();
    return {
      pid: child.pid ?? 0,
      executed: () => fileOrEnd(pidFile, child, end),
      ended: end,
      kill(sent) {
        child.kill(sent);
      },
    };
  }

  return { name, path, start, signal, initPid, freeze: freezer("pause"), thaw: freezer("resume"), exec };
}

function hostFacts(): HostFacts {
  return {
    hasUnifiedCgroup: hasUnifiedCgroup(),
    maxOpenFiles: maxOpenFiles(),
    grantableCapabilities: grantableCapabilities(),
    devices: hostDevices,
  };
}

function fileOrEnd(file: string, child: ChildProcess, end: Promise<number>): Promise<void> {
  return new Promise((resolve, reject) => {
    function look(): void {
      if (existsSync(file)) resolve();
      else if (child.exitCode === null && child.signalCode === null) setTimeout(look, pidFilePollMs);
      else
        end.then(() => {
          resolve();
        }, reject);
    }
    look();
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** By the last line of its log. The program was looked for before, so these cases are races and odd file systems. */
function failureFrom(name: string, log: string): Error {
  const reason = lastMessage(log) ?? "it did not say why";
  if (/not found|no such file or directory/i.test(reason) && reason.includes("exec")) {
    return startFailure(`${name}: ${reason}`, exitCodes.notFound);
  }
  const cannotExecute = /exec.*(permission denied|is a directory|format error)/i.test(reason);
  return startFailure(`${name}: ${reason}`, cannotExecute ? exitCodes.notExecutable : exitCodes.failed);
}

function lastMessage(log: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(log, "utf8");
  } catch {
    return undefined;
  }
  const last = text.trim().split("\n").at(-1) ?? "";
  try {
    const entry: unknown = JSON.parse(last);
    if (typeof entry === "object" && entry !== null && "msg" in entry && typeof entry.msg === "string") {
      return entry.msg;
    }
  } catch {
    // not JSON: shown as it is
  }
  return last === "" ? undefined : last;
}
