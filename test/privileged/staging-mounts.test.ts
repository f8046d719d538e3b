import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mountsBelow } from "../../driver/mount/mountinfo.ts";
import { performMount } from "../../driver/mount/perform.ts";
import { needRoot } from "../need.ts";
import { openStore } from "../suites/open-store.ts";

describe.skipIf(needRoot().missing)("staging of a process that was killed while it tried out overlay", () => {
  it("goes with its mounts when the store is opened next; what is mounted is not touched", async () => {
    const root = mkdtempSync(join(tmpdir(), "staging-"));
    try {
      await (await openStore(root, "copy"))[Symbol.asyncDispose]();
      const left = join(root, "staging", "left");
      const source = join(root, "elsewhere");
      for (const dir of [source, join(left, "target"), join(left, "fs")]) mkdirSync(dir, { recursive: true });
      writeFileSync(join(left, "lock"), "");
      writeFileSync(join(source, "kept"), "");
      const bind = { type: "bind", source, target: "", options: ["bind"] };
      performMount([bind], join(left, "target"));
      performMount([bind], join(left, "target"));
      await (await openStore(root, "copy"))[Symbol.asyncDispose]();
      expect(readdirSync(join(root, "staging"))).toEqual(["lock"]);
      expect(mountsBelow(root)).toEqual([]);
      expect(readdirSync(source)).toEqual(["kept"]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
