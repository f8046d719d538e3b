/** Takes a job of a queue, says so, and hangs: journal, directory of workers, name. */
import { openDatabase } from "../../../driver/metadata/database.ts";
import { journalMigrations } from "../../../driver/batch/journal/schema.ts";
import { openLocalQueue } from "../../../driver/batch/queue/local-queue.ts";

const [path = "", workersDir = "", name = ""] = process.argv.slice(2);
const database = openDatabase(path, { durability: "none", migrations: journalMigrations });
const queue = openLocalQueue({ database, workersDir, name });
const forever = setInterval(() => undefined, 60_000);
await queue.work(
  () => {
    process.stdout.write("taken\n");
    return new Promise(() => undefined);
  },
  { concurrency: 1, signal: new AbortController().signal, until: "stopped" },
);
clearInterval(forever);
