import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noLogger } from "../../../driver/base/logger.ts";
import { openDatabase } from "../../../driver/metadata/database.ts";
import { chooseBackend } from "../../../driver/snapshot/choose-backend.ts";
import { openSnapshotter } from "../../../driver/snapshot/open-snapshotter.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";
import { openStore } from "../../suites/open-store.ts";

const ordinary = { ...detectPrivileges(), canMount: false };
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "open-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("openSnapshotter", () => {
  it("collects directories without a row and staging without an owner", async () => {
    await (await openStore(root, "copy"))[Symbol.asyncDispose]();
    mkdirSync(join(root, "snapshots", "7", "fs", "x"), { recursive: true });
    mkdirSync(join(root, "staging", "abandoned", "fs"), { recursive: true });
    mkdirSync(join(root, "staging", "trash-x", "deep", "er"), { recursive: true });
    writeFileSync(join(root, "staging", "abandoned", "lock"), "");
    await (await openStore(root, "copy"))[Symbol.asyncDispose]();
    expect(readdirSync(join(root, "snapshots"))).toEqual(["backend"]);
    expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
  });

  it("warns of a snapshot whose directory is lost, which can still be removed", async () => {
    const first = await openStore(root, "copy");
    await first.snapshotter.prepare("lost", "");
    await first[Symbol.asyncDispose]();
    rmSync(join(root, "snapshots", "1"), { recursive: true });
    const warnings: object[] = [];
    using database = openDatabase(join(root, "metadata.db"), { durability: "none" });
    const logger = { ...noLogger, warn: (fields: object) => void warnings.push(fields) };
    const options = { root, database, backend: "copy", durability: "none", privileges: ordinary, logger } as const;
    await using snapshotter = await openSnapshotter(options);
    expect(warnings).toEqual([{ name: "lost", path: join(root, "snapshots", "1", "fs") }]);
    await expect(snapshotter.usage("lost")).rejects.toThrow(expect.objectContaining({ code: "ERR_DATA_LOSS" }));
    await snapshotter.remove("lost");
  });

  it("refuses another backend's snapshots, but takes over a store without any", async () => {
    const overlay = await openStore(root, "overlay");
    await overlay.snapshotter.prepare("a", "");
    await overlay[Symbol.asyncDispose]();
    await expect(openStore(root, "copy")).rejects.toThrow(
      expect.objectContaining({ code: "ERR_FAILED_PRECONDITION", message: expect.stringContaining("copy") as string }),
    );
    const again = await openStore(root, "overlay");
    await again.snapshotter.remove("a");
    await again[Symbol.asyncDispose]();
    await (await openStore(root, "copy"))[Symbol.asyncDispose]();
  });

  it("never uses an id twice", async () => {
    await using store = await openStore(root, "copy");
    const { snapshotter } = store;
    const sources: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      sources.push((await snapshotter.prepare("key", ""))[0]?.source);
      await snapshotter.remove("key");
    }
    expect(new Set(sources).size).toBe(3);
  });

  it("replaces the garbage that a crash between rename and commit left under the next id", async () => {
    await using store = await openStore(root, "copy");
    mkdirSync(join(root, "snapshots", "1", "fs", "garbage"), { recursive: true });
    const [mount] = await store.snapshotter.prepare("key", "");
    expect(readdirSync(mount?.source ?? "")).toEqual([]);
  });
});

describe("chooseBackend", () => {
  it("takes copy when asked to, and when it may not mount", () => {
    expect(chooseBackend("copy", root, ordinary).backend).toBe("copy");
    expect(chooseBackend("auto", root, ordinary)).toEqual({
      backend: "copy",
      reason: "overlay does not work here: this process may not mount",
    });
  });

  it("refuses overlay where it does not work, saying why", () => {
    expect(() => chooseBackend("overlay", root, ordinary)).toThrow(
      expect.objectContaining({
        code: "ERR_FAILED_PRECONDITION",
        message: expect.stringContaining("may not mount") as string,
      }),
    );
  });

  it("stays with what a store holds", async () => {
    for (const backend of ["overlay", "copy"] as const) {
      const store = await openStore(root, backend);
      await store.snapshotter.prepare("a", "");
      expect(chooseBackend("auto", root, ordinary)).toMatchObject({
        backend,
        reason: expect.stringContaining(backend) as string,
      });
      await store.snapshotter.remove("a");
      await store[Symbol.asyncDispose]();
    }
  });

  it("leaves nothing but the store's empty directories", () => {
    chooseBackend("auto", root, detectPrivileges());
    expect(readdirSync(root).sort()).toEqual(["snapshots", "staging"]);
    expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
  });
});

describe.each(["overlay", "copy"] as const)("%s without the directory of the parent", (backend) => {
  it("prepares nothing on it and says what is lost", async () => {
    await using store = await openStore(root, backend);
    const { snapshotter } = store;
    await snapshotter.prepare("active", "");
    await snapshotter.commit("base", "active");
    rmSync(join(root, "snapshots", "1"), { recursive: true });
    await expect(snapshotter.prepare("new", "base")).rejects.toThrow(
      expect.objectContaining({ code: "ERR_DATA_LOSS" }),
    );
    await expect(snapshotter.stat("new")).rejects.toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
    expect(readdirSync(join(root, "snapshots"))).toEqual(["backend"]);
  });
});
