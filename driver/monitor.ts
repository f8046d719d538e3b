/**
 * The program that attends to one container (see container/detached.ts). Its argument is JSON of the store's options and
 * the container's id; whoever wants the container started is connected to descriptor 3, and the container's lock is held
 * on descriptor 4.
 *
 * It lives as long as the container, and there are as many of it: nothing is opened or loaded here but what attending
 * takes, and what only a start or an end takes is loaded then.
 */
import { join } from "node:path";
import { attendDetached } from "./container/attend.ts";
import { ContainerStore } from "./container/container-store.ts";
import { type MonitorOrder, monitorFds } from "./container/monitor-order.ts";
import { StorageError } from "./base/errors.ts";
import { openDatabase } from "./metadata/database.ts";
import { lazySnapshotter } from "./snapshot/lazy-snapshotter.ts";
import { detectPrivileges } from "./sys/privileges.ts";

const { id, root, state, backend, durability } = JSON.parse(process.argv[2] ?? "{}") as MonitorOrder;

process.title = `laminate: container ${id.slice(0, 12)}`;
for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGPIPE"] as const) process.on(signal, () => undefined);
const privileges = detectPrivileges();
using database = openDatabase(join(root, "laminate.db"), { durability });
await using snapshotter = lazySnapshotter(backend, async () =>
  (await import("./snapshot/open-snapshotter.ts")).openSnapshotter({
    ...{ root, database, backend, durability, privileges },
  }),
);
const store = new ContainerStore({
  ...{ root, state, database, snapshotter, privileges },
  images: { get: (name) => Promise.reject(new StorageError("ERR_UNIMPLEMENTED", `cannot look up ${name} here`)) },
  onRemoved: async ({ manifestDigest }) => {
    const named = database.read((sql) => sql.get("SELECT 1 FROM images WHERE manifest_digest = ?", manifestDigest));
    if (named !== undefined) return;
    const [{ openContentStore }, { ImageStore }, { sweep }] = await Promise.all([
      import("./content/open-store.ts"),
      import("./image/image-store.ts"),
      import("./image/remove.ts"),
    ]);
    const content = await openContentStore({ root, durability });
    await sweep({ content, images: new ImageStore(database, content), snapshotter });
  },
});
await attendDetached(store, id, {
  lockFd: monitorFds.lock,
  clientFd: monitorFds.client,
  onStart: (started) => {
    // The machine is going down.
    process.on("SIGTERM", () => {
      started.kill("SIGTERM");
    });
  },
});
