import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../suites/open-store.ts";
import { describeTree } from "../../suites/file-changes.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "processes-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function startBusyChild(backend: string, rounds: number, seed: number): Promise<ChildProcess> {
  const script = join(import.meta.dirname, "busy.child.ts");
  const child = spawn(process.execPath, [script, root, backend, String(rounds), String(seed)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  return child;
}

/** Every snapshot has its directory, every directory its snapshot, and nothing is staged. */
async function expectConsistent(backend: "overlay" | "copy"): Promise<number> {
  await using store = await openStore(root, backend);
  const { snapshotter } = store;
  let count = 0;
  for await (const info of snapshotter.walk()) {
    count++;
    if (info.kind === "committed") {
      for (const { dir } of await snapshotter.lowerLayers(info.name)) describeTree(dir);
      expect(info.parent === "" || (await snapshotter.stat(info.parent)).kind === "committed").toBe(true);
    } else {
      expect((await snapshotter.mounts(info.name)).length).toBe(1);
      expect((await snapshotter.usage(info.name)).inodes).toBeGreaterThanOrEqual(0);
    }
  }
  const directories = readdirSync(join(root, "snapshots")).filter((name) => name !== "backend");
  expect(directories.length).toBe(count);
  expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
  return count;
}

describe.each(["overlay", "copy"] as const)("several processes on one %s store", (backend) => {
  it("take turns without losing or leaking anything", async () => {
    const children = await Promise.all([1, 2, 3].map((seed) => startBusyChild(backend, 150, seed)));
    const codes = await Promise.all(
      children.map(async (child) => child.exitCode ?? ((await once(child, "exit"))[0] as number | null)),
    );
    expect(codes).toEqual([0, 0, 0]);
    await expectConsistent(backend);
  });

  it("leave no residue when killed at any moment", async () => {
    for (let round = 0; round < 6; round++) {
      const child = await startBusyChild(backend, 1_000_000, 100 + round);
      await setTimeout(round * 17);
      child.kill("SIGKILL");
      if (child.signalCode === null) await once(child, "exit");
      expect(child.signalCode).toBe("SIGKILL");
      await expectConsistent(backend);
    }
  });

  it("do not take what another has staged, and take it once that is dead", async () => {
    await using store = await openStore(root, backend);
    const staged = await store.snapshotter.stage();
    const script = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, "../../suites/open-store.ts"))};
      const { snapshotter } = await openStore(${JSON.stringify(root)}, ${JSON.stringify(backend)});
      await snapshotter.cleanup();
      const staged = await snapshotter.stage();
      process.stdout.write(staged.path);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [theirs] = (await once(child.stdout, "data")) as [Buffer];
    expect(readdirSync(staged.path).sort()).toEqual(["fs", "lock"]);
    await store.snapshotter.cleanup();
    expect(readdirSync(theirs.toString()).sort()).toEqual(["fs", "lock"]);
    child.kill("SIGKILL");
    await once(child, "exit");
    await store.snapshotter.cleanup();
    expect(() => readdirSync(theirs.toString())).toThrow("ENOENT");
    await staged[Symbol.asyncDispose]();
  });
});
