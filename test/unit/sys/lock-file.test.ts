import { statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { openLocked } from "../../../driver/sys/lock-file.ts";
import { openDescriptors } from "./deep-tree.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
const at = (name: string): string => join(scratch.path, name);

describe("openLocked", () => {
  it("makes the file for its owner only, and gives it to one at a time", () => {
    const before = openDescriptors();
    {
      using first = openLocked(at("lock"));
      expect(first?.fd).toBeGreaterThan(2);
      expect(statSync(at("lock")).mode & 0o777).toBe(0o600);
      expect(openLocked(at("lock"), { nonBlocking: true })).toBeUndefined();
      expect(openLocked(at("lock"), { exclusive: false, nonBlocking: true })).toBeUndefined();
    }
    using second = openLocked(at("lock"), { nonBlocking: true });
    expect(second).toBeDefined();
    second?.[Symbol.dispose]();
    expect(second?.fd).toBeNull();
    expect(openDescriptors()).toBe(before);
  });

  it("lets many in when they share", () => {
    using first = openLocked(at("lock"), { exclusive: false });
    using second = openLocked(at("lock"), { exclusive: false, nonBlocking: true });
    expect([first, second].every((lock) => lock !== undefined)).toBe(true);
    expect(openLocked(at("lock"), { nonBlocking: true })).toBeUndefined();
  });

  it("locks a new file when the holder removed the old one while it waited", async () => {
    const holder = openLocked(at("lock"));
    const module = JSON.stringify(join(import.meta.dirname, "../../../driver/sys/lock-file.ts"));
    const source = `const { parentPort, workerData } = require("node:worker_threads");
      import(${module}).then(({ openLocked }) => {
        parentPort.postMessage("waiting");
        const lock = openLocked(workerData);
        parentPort.postMessage(require("node:fs").fstatSync(lock.fd).nlink);
      });`;
    const worker = new Worker(source, { eval: true, workerData: at("lock") });
    const messages: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      worker.on("message", (message) => {
        messages.push(message);
        if (messages.length === 2) resolve();
        else
          setTimeout(() => {
            unlinkSync(at("lock"));
            holder?.[Symbol.dispose]();
          }, 200);
      });
    });
    await done;
    expect(messages).toEqual(["waiting", 1]);
    await worker.terminate();
  });

  it("does not follow a symlink", () => {
    writeFileSync(at("target"), "");
    symlinkSync("target", at("lock"));
    expect(codeOf(() => openLocked(at("lock")))).toBe("ERR_UNKNOWN");
    expect(codeOf(() => openLocked(at("none/lock")))).toBe("ERR_NOT_FOUND");
  });
});
