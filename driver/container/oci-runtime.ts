/** runc and crun, driven through the command line that both share. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes, startFailure } from "./failure.ts";
import { endOf, startInForeground } from "./foreground.ts";
import type { Launch, Runtime, StartedProcess } from "./launch.ts";
import { runtimeSpec } from "./oci-bundle.ts";
import { hasUnifiedCgroup, maxOpenFiles } from "./host.ts";

const killRetryMs = 50;
const killTries = 40;

/** @param state where it keeps its own records of containers. */
export function createOciRuntime(name: "runc" | "crun", path: string, state: string): Runtime {
  const command = (...args: readonly string[]): readonly string[] => ["--root", state, ...args];

  function forceKill(id: string): void {
    spawnSync(path, command("kill", id, "KILL"), { stdio: "ignore" });
  }

  async function start(launch: Launch): Promise<StartedProcess> {
    const log = join(launch.files, "runtime.log");
    const pidFile = join(launch.files, "pid");
    rmSync(log, { force: true });
    rmSync(pidFile, { force: true });
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const spec = runtimeSpec(launch, { hasUnifiedCgroup: hasUnifiedCgroup(), maxOpenFiles: maxOpenFiles() });
    writeFileSync(join(launch.files, "config.json"), JSON.stringify(spec, null, 2), { mode: 0o600 });

    const args = ["--log", log, "--log-format", "json", "run", "--bundle", launch.files, "--pid-file", pidFile];
    const child = await startInForeground(path, command(...args, launch.id), launch, { detached: true });
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

    return {
      pid,
      ended: ended(),
      kill(signal) {
        if (signal === "SIGKILL") insistOnKilling(killTries);
        else child.kill(signal);
      },
    };
  }

  return { name, path, start, forceKill };
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
