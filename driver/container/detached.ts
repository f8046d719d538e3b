/**
 * Containers without a command line: `start` hands one to a process of its own, which attends to it: keeps its output
 * and its exit code, and takes away what was mounted for it. The container's lock goes along, so that it is never free
 * in between.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { fromWire, StorageError, type WireError } from "../base/errors.ts";
import { openLocked } from "../sys/lock-file.ts";
import type { ContainerStore } from "./container-store.ts";
import type { AttendOptions, ContainerInfo } from "./container.ts";
import { exitCodes } from "./failure.ts";
import { closedOnes } from "./foreground.ts";
import type { StartedProcess } from "./launch.ts";
import { LogWriter } from "./log-writer.ts";
import { runInStore } from "./run-in-store.ts";
import { ContainerLock } from "./state-dir.ts";

/** Descriptors of the attending process. */
export const monitorFds = { report: 3, lock: 4 } as const;

/** What the attending process says, in one line, once the program runs or could not be started. */
export type MonitorReport = { readonly error: WireError | null };

export async function startDetached(store: ContainerStore, wanted: string): Promise<ContainerInfo> {
  const row = store.records.find(wanted);
  const { monitor } = store.options;
  if (monitor === undefined) {
    throw new StorageError("ERR_UNIMPLEMENTED", `cannot start container ${row.name}: nothing could attend to it`);
  }
  if (store.infoOf(row).process.tty && row.status !== "running") {
    throw new StorageError(
      "ERR_UNIMPLEMENTED",
      `cannot start container ${row.name}: it was made with a terminal, which it has in the foreground only`,
      { details: { exitCode: exitCodes.failed } },
    );
  }
  {
    // Running already is what is asked for.
    if ((await store.settled(row))?.status === "running") return store.infoOf(row);
    using lock = await store.lockToRun(row.id, `cannot start container ${row.name}: it is being started or removed`);
    const nowhere = openSync("/dev/null", "r");
    let child: ReturnType<typeof spawn>;
    try {
      const order = JSON.stringify({ ...monitor.order, id: row.id });
      const stdio = ["ignore", "ignore", "ignore", "pipe", lock.fd, ...closedOnes(nowhere).slice(1)] as const;
      child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", monitor.file, order], {
        stdio: [...stdio],
        detached: true,
        cwd: "/",
      });
    } finally {
      closeSync(nowhere);
    }
    child.unref();
    await reportOf(child.stdio[monitorFds.report] as Readable, child);
  }
  const now = store.records.tryGet(row.id);
  return now === undefined ? store.infoOf(row) : store.infoOf(now);
}

async function reportOf(pipe: Readable, child: ReturnType<typeof spawn>): Promise<void> {
  const text = await new Promise<string>((resolve, reject) => {
    let read = "";
    child.once("error", reject);
    pipe.setEncoding("utf8");
    pipe.on("data", (part: string) => {
      read += part;
      if (read.includes("\n")) resolve(read);
    });
    pipe.once("close", () => {
      resolve(read);
    });
  });
  pipe.destroy();
  if (text === "") {
    throw new StorageError("ERR_ABORTED", "cannot start container: the process that attends to it was killed", {
      details: { exitCode: exitCodes.failed },
    });
  }
  const { error } = JSON.parse(text) as MonitorReport;
  if (error !== null) throw fromWire(error);
}

/** In the attending process. Resolves at the end of the container. */
export async function attendDetached(
  store: ContainerStore,
  wanted: string,
  { lockFd, onStart, onExecuted }: AttendOptions,
): Promise<number> {
  using lock = new ContainerLock(lockFd);
  const { id } = store.records.find(wanted);
  const state = store.stateOf(id);
  using _alive = openLocked(state.monitor);
  state.makeKept();
  using log = new LogWriter(state.log);
  const { exitCode } = await runInStore(store, id, lock, {
    streams: { stdin: "ignore", output: "pipe" },
    onStart: (started) => {
      onStart(started);
      pump(started, log);
      started.executed().then(onExecuted, () => undefined);
    },
  });
  return exitCode;
}

function pump(started: StartedProcess, log: LogWriter): void {
  for (const stream of ["stdout", "stderr"] as const) {
    started[stream]?.on("data", (bytes: Buffer) => {
      log.write(stream, bytes);
    });
    started[stream]?.once("end", () => {
      log.end(stream);
    });
  }
}
