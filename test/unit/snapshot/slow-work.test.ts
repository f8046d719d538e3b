import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stageChannelName, type StageTiming } from "../../../driver/base/stages.ts";
import { openDatabase } from "../../../driver/metadata/database.ts";
import { openSnapshotter } from "../../../driver/snapshot/open-snapshotter.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";

describe("snapshotter with slow work on threads", () => {
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

  it.each(["threads", "inline"] as const)(
    "removes with %s, and answers before it deletes with threads",
    async (slowWork) => {
      using database = openDatabase(join(root, "metadata.db"), { durability: "full" });
      const privileges = detectPrivileges();
      await using snapshotter = await openSnapshotter({
        ...{ root, database, backend: "copy", durability: "full", privileges, slowWork },
      });
      const [mount] = await snapshotter.prepare("active", "");
      mkdirSync(join(mount?.source ?? "", "some/directories"), { recursive: true });
      await snapshotter.commit("committed", "active");
      expect(events).toEqual(["snapshot.measure", "snapshot.sync"]);

      events = [];
      await snapshotter.remove("committed");
      events.push("answered");
      await expect.poll(() => events.length, { timeout: 30_000 }).toBe(2);
      expect(events).toEqual(
        slowWork === "threads" ? ["answered", "snapshot.delete"] : ["snapshot.delete", "answered"],
      );
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
    },
  );
});
