import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { journalMigrations } from "../../../driver/batch/journal/schema.ts";
import { openLocalQueue } from "../../../driver/batch/queue/local-queue.ts";
import type { WorkQueue } from "../../../driver/batch/queue/work-queue.ts";
import { type Database, openDatabase } from "../../../driver/metadata/database.ts";
import { workQueueSuite } from "../../suites/work-queue-suite.ts";

let folder = "";
let workersDir = "";
let path = "";
let database: Database;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "laminate-queue-"));
  workersDir = join(folder, "workers");
  path = join(folder, "journal.db");
  database = openDatabase(path, { durability: "none", migrations: journalMigrations });
});

afterAll(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

function open(name: string): WorkQueue {
  return openLocalQueue({ database, workersDir, name, attempts: 2, backoffMs: 0 });
}

workQueueSuite("of one machine", () => ({
  open: (name) => Promise.resolve(open(name)),
  startHangingWorker: async (name) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "local-queue.child.ts"), path, workersDir, name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    return {
      kill: async () => {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      },
    };
  },
}));

describe("openLocalQueue", () => {
  it("leaves no lock of a worker that was closed, or that was found dead", async () => {
    await using _open = open("locks");
    expect(readdirSync(workersDir)).toHaveLength(1);
    await _open[Symbol.asyncDispose]();
    expect(readdirSync(workersDir)).toEqual([]);
  });
});
