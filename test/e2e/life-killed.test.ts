/**
 * kill -9 at any moment: of a command line, and of the process that attends to a container. The next command finds
 * nothing running, mounted or lying about that it does not know, and can remove what it knows.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeEachRuntime } from "./each-runtime.ts";
import type { LifeStore } from "./life-store.ts";

const rounds = Number(process.env["LAMINATE_TEST_ROUNDS"] ?? 3);

const patienceMs = 60_000;

describeEachRuntime("kill -9 with", {}, (store) => {
  async function killedAfter(ms: number, words: readonly string[], monitorsToo: boolean): Promise<void> {
    const child = store.spawn(...words);
    child.stdout?.resume();
    child.stderr?.resume();
    const end = once(child, "exit");
    await sleep(ms);
    child.kill("SIGKILL");
    if (monitorsToo) for (const pid of store.monitors()) process.kill(pid, "SIGKILL");
    await end;
  }

  async function takesMs(words: readonly string[]): Promise<number> {
    const started = Date.now();
    const child = store.spawn(...words);
    child.stdout?.resume();
    child.stderr?.resume();
    await once(child, "exit");
    return Date.now() - started;
  }

  it.each([
    ["run --rm", ["run", "--rm", "base:1", "sh", "-c", "sleep 0.2"]],
    ["run -d --rm", ["run", "-d", "--rm", "base:1", "sh", "-c", "sleep 0.2"]],
  ])(
    "%s, killed anywhere, leaves nothing",
    async (_name, words) => {
      const duration = await takesMs(words);
      for (let round = 0; round < rounds; round++) {
        const after = (duration * 1.2 * (round + Math.random())) / rounds;
        await killedAfter(after, words, true);
        await settled(store);
        expect({ after, left: store.leftOvers() }).toEqual({ after, left: [] });
      }
    },
    300_000,
  );

  it("run -d and rm -f, killed anywhere, leave what rm -f can remove", async () => {
    for (let round = 0; round < rounds; round++) {
      const id = store.ok("run", "-d", "base:1", "sh", "-c", "while :; do sleep 0.05; done");
      await killedAfter(300 + Math.random() * 1500, ["rm", "-f", id], round % 2 === 0);
      store.run(["rm", "-f", id]);
      await settled(store);
      expect(store.leftOvers()).toEqual([]);
    }
  }, 300_000);
});

/** A program in the foreground outlives its command line, as it does by Docker: it ends by itself, and is then met. */
async function settled(store: LifeStore): Promise<void> {
  const patience = AbortSignal.timeout(patienceMs);
  while (!patience.aborted) {
    if (store.ok("ps", "-aq") === "") return;
    await sleep(200);
  }
  throw new Error(`still there: ${store.ok("ps", "-a")}`);
}
