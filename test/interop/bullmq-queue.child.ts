/** Takes a job of a queue, says so, and hangs: URL, name. */
import { openBullmqQueue } from "../../driver/batch/queue/bullmq-queue.ts";

const [url = "", name = ""] = process.argv.slice(2);
const queue = await openBullmqQueue({ url, name, leaseMs: 1000 });
await queue.work(
  () => {
    process.stdout.write("taken\n");
    return new Promise(() => undefined);
  },
  { concurrency: 1, signal: new AbortController().signal, until: "stopped" },
);
