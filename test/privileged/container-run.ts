/**
 * A program for tests: runs one container on its own standard streams, as the command line does, and exits with its
 * code. Arguments: root, directory of the image's files, JSON of options of `create`. With "--remove-all" instead of the
 * directory it removes all containers, by force where it must.
 */
import { join } from "node:path";
import { isStorageError } from "../../driver/base/errors.ts";
import type { CreateOptions } from "../../driver/container/container.ts";
import { openContainers } from "../../driver/container/open-containers.ts";
import { openDatabase } from "../../driver/metadata/database.ts";
import { detectPrivileges } from "../../driver/sys/privileges.ts";
import { fakeImages, fakeSnapshotter } from "../unit/container/fake-store.ts";

const [root = "", files = "", json = "{}"] = process.argv.slice(2);
using database = openDatabase(join(root, "db"), { durability: "none" });
const containers = await openContainers({
  root,
  state: join(root, "state"),
  database,
  snapshotter: fakeSnapshotter(root, files),
  images: fakeImages({ Env: ["FROM_IMAGE=yes"] }),
  privileges: detectPrivileges(),
});
if (files === "--remove-all") {
  for (const { id, status } of await containers.list()) {
    await containers.remove(id).catch((error: unknown) => {
      console.log(`refused: ${error instanceof Error ? error.message : String(error)}`);
    });
    await containers.remove(id, { force: true });
    console.log(`removed ${status}`);
  }
  process.exit();
}
const container = await containers.create({ image: "test", ...(JSON.parse(json) as Partial<CreateOptions>) });
try {
  const { exitCode } = await containers.run(container.id, {
    stdio: "inherit",
    onStart: (started) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(signal, () => {
          started.kill(signal);
        });
      }
    },
  });
  process.exitCode = exitCode;
} catch (error) {
  if (!isStorageError(error)) throw error;
  console.error(error.message);
  process.exitCode = Number(error.details["exitCode"] ?? 1);
}
