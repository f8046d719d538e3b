import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeTree } from "../../../driver/sys/remove-tree.ts";
import { needPrograms } from "../../need.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ordinary-"));
  chmodSync(root, 0o777);
});
afterEach(() => {
  removeTree(root);
});

const script = join(import.meta.dirname, "whole-life.child.ts");
const isRoot = process.geteuid?.() === 0;
/** As root these tests become nobody; otherwise they are somebody already. */
const asOrdinary = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : ["env"];

function live(...args: readonly string[]): Record<string, unknown> {
  const [program = "", ...rest] = [...asOrdinary, ...args];
  const child = spawnSync(program, rest, { encoding: "utf8" });
  expect(child.stderr).toBe("");
  return JSON.parse(child.stdout) as Record<string, unknown>;
}

const tree = [
  ". 755 directory",
  "closed 555 directory",
  'closed/f 400 "f"',
  "dir 755 directory",
  'dir/new 644 "changed"',
  'dir/setuid 4755 "s"',
  "hidden 755 directory",
  'hidden/fresh 644 "fresh"',
];

describe.skipIf(needPrograms(asOrdinary[0] ?? "").missing)("snapshots of an ordinary user", () => {
  it("live their whole life as copies", () => {
    expect(live(process.execPath, script, join(root, "store"))).toEqual({
      backend: "copy",
      reason: "overlay does not work here: this process may not mount",
      tree,
      isSameCommitted: true,
      left: ["backend", "lock"],
    });
  });
});

const inNamespace = ["unshare", "--user", "--map-root-user", "--mount"];
const hasNamespaces = spawnSync("unshare", [...inNamespace.slice(1), "true"]).status === 0;
if (!hasNamespaces) console.warn("SKIPPED: these tests need unshare(1) and user namespaces");

describe.skipIf(!hasNamespaces)("snapshots in a user namespace", () => {
  it("live their whole life as overlays with marks in user.overlay.*", () => {
    expect(live(...inNamespace, process.execPath, script, join(root, "store"))).toEqual({
      backend: "overlay",
      reason: "an overlay mount on the store's file system works",
      tree,
      isSameCommitted: true,
      left: ["backend", "lock"],
    });
  });
});
