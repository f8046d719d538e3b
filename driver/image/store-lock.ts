import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openLocked } from "../sys/lock-file.ts";

const pollMs = 10;

/**
 * What keeps a removal from taking what another process has just decided to reuse. Whoever makes an image visible holds
 * it shared, only for the moment in which it looks again at what it reuses and records; whoever sweeps holds it
 * exclusively. Nobody holds it while reading, extracting or running.
 */
export async function lockStore(
  root: string,
  mode: "shared" | "exclusive",
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Disposable> {
  for (;;) {
    signal?.throwIfAborted();
    const lock = openLocked(join(root, "sweep.lock"), { exclusive: mode === "exclusive", nonBlocking: true });
    if (lock !== undefined) return lock;
    await sleep(pollMs);
  }
}
