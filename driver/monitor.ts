/**
 * The program that attends to one container (see container/detached.ts). Its argument is JSON of the store's options and
 * the container's id; whoever wants the container started is connected to descriptor 3, and the container's lock is held
 * on descriptor 4.
 */
import { monitorFds } from "./container/detached.ts";
import { createStorage } from "./storage.ts";
import type { StorageOptions } from "./storage-types.ts";

const { id, ...options } = JSON.parse(process.argv[2] ?? "{}") as StorageOptions & { id: string };

process.title = `laminate: container ${id.slice(0, 12)}`;
for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGPIPE"] as const) process.on(signal, () => undefined);
await using storage = await createStorage(options);
await storage.containers.attend(id, {
  lockFd: monitorFds.lock,
  clientFd: monitorFds.client,
  onStart: (started) => {
    // The machine is going down.
    process.on("SIGTERM", () => {
      started.kill("SIGTERM");
    });
  },
});
