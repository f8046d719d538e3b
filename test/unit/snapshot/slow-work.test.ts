import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stageChannelName, type StageTiming } from "../../../driver/base/stages.ts";
import { type Database, openDatabase } from "../../../driver/metadata/database.ts";
import { openSnapshotter } from "../../../driver/snapshot/open-snapshotter.ts";
import type { Snapshotter } from "../../../driver/snapshot/snapshotter.ts";
import { TreeThread } from "../../../driver/snapshot/tree-thread.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";

let root: string;
let events: string[];
const onStage = (message: unknown): void => {
  events.push((message as StageTiming).stage);
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "slow-work-"));
  events = [];
  subscribe(stageChannelName, onStage);
});
afterEach(() => {
  unsubscribe(stageChannelName, onStage);
  rmSync(root, { recursive: true });
});

describe.each(["threads", "inline"] as const)("snapshotter with slow work by %s", (slowWork) => {
  let database: Database;
  let snapshotter: Snapshotter;

  beforeEach(async () => {
    database = openDatabase(join(root, "metadata.db"), { durability: "full" });
    const privileges = detectPrivileges();
    snapshotter = await openSnapshotter({
      ...{ root, database, backend: "copy", durability: "full", privileges, slowWork },
    });
    const [mount] = await snapshotter.prepare("active", "");
    mkdirSync(join(mount?.source ?? "", "some/directories"), { recursive: true });
  });
  afterEach(async () => {
    await snapshotter[Symbol.asyncDispose]();
    database.close();
  });

  it(`answers ${slowWork === "threads" ? "others before it has" : "nobody before it has"} measured and synced`, async () => {
    const committing = snapshotter.commit("committed", "active");
    await snapshotter.stat("active");
    events.push("answered");
    await committing;
    const work = ["snapshot.measure", "snapshot.sync"];
    expect(events.filter((event) => event !== "answered")).toEqual(work);
    expect(events.indexOf("answered")).toBe(slowWork === "threads" ? 0 : 1);
    expect((await snapshotter.usage("committed")).inodes).toBe(3);

    await snapshotter.prepare("next", "committed");
    events = [];
    const measuring = snapshotter.usage("next");
    await snapshotter.stat("next");
    events.push("answered");
    expect((await measuring).inodes).toBe(0);
    expect(events.indexOf("answered")).toBe(slowWork === "threads" ? 0 : 1);
  });

  it(`deletes ${slowWork === "threads" ? "after" : "before"} it has answered a removal`, async () => {
    await snapshotter.commit("committed", "active");
    events = [];
    await snapshotter.remove("committed");
    events.push("answered");
    await expect.poll(() => events.length, { timeout: 30_000 }).toBe(2);
    expect(events).toEqual(slowWork === "threads" ? ["answered", "snapshot.delete"] : ["snapshot.delete", "answered"]);
    expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
  });

  it("says which snapshot it could not measure", async () => {
    rmSync(await snapshotter.ownTree("active"), { recursive: true });
    await expect(snapshotter.commit("committed", "active")).rejects.toMatchObject({ code: "ERR_DATA_LOSS" });
    expect((await snapshotter.stat("active")).kind).toBe("active");
  });
});

describe("TreeThread", () => {
  const makeTree = (name: string, files: number): string => {
    const tree = join(root, name);
    mkdirSync(tree);
    for (let count = 0; count < files; count++) writeFileSync(join(tree, String(count)), "");
    return tree;
  };

  it("ends what it was given when it is stopped with time enough", async () => {
    const thread = new TreeThread();
    const removals = [thread.remove(makeTree("a", 500)), thread.remove(makeTree("b", 500))];
    const measured = thread.measure({ tree: makeTree("c", 5), below: undefined });
    await thread.stop(150_000);
    await Promise.all(removals);
    expect(readdirSync(root)).toEqual(["c"]);
    expect((await measured).inodes).toBe(6);
    await expect(thread.sync(root)).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
  });

  it("leaves what it has not begun when it is stopped at once", async () => {
    const thread = new TreeThread();
    const ends = Promise.allSettled([thread.remove(makeTree("a", 1)), thread.sync(root)]);
    await thread.stop(0);
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
