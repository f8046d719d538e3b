/**
 * The program that attends to one container that was started without a command line (see container/detached.ts). Its
 * argument is JSON of the store's options and the container's id; it reports on descriptor 3 and holds the container's
 * lock on descriptor 4.
 */
import { closeSync, writeSync } from "node:fs";
import { toWire } from "./base/errors.ts";
import { monitorFds, type MonitorReport } from "./container/detached.ts";
import { createStorage } from "./storage.ts";
import type { StorageOptions } from "./storage-types.ts";

const { id, ...options } = JSON.parse(process.argv[2] ?? "{}") as StorageOptions & { id: string };

let hasReported = false;
function report(error: unknown): void {
  if (hasReported) return;
  hasReported = true;
  const said: MonitorReport = { error: error === null ? null : toWire(error) };
  try {
    writeSync(monitorFds.report, `${JSON.stringify(said)}\n`);
  } catch {
    // Whoever asked for the container is gone; it runs all the same.
  }
  closeSync(monitorFds.report);
}

process.title = `laminate: container ${id.slice(0, 12)}`;
for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGPIPE"] as const) process.on(signal, () => undefined);
try {
  await using storage = await createStorage(options);
  await storage.containers.attend(id, {
    lockFd: monitorFds.lock,
    onStart: (started) => {
      // The machine is going down.
      process.on("SIGTERM", () => {
        started.kill("SIGTERM");
      });
    },
    onExecuted: () => {
      report(null);
    },
  });
  report(null);
} catch (error) {
  report(error);
  process.exitCode = 1;
}
