import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";

const nobody = 65534;
const child = join(import.meta.dirname, "sys-ordinary-user.child.ts");

describe.skipIf(needAll(needRoot(), needPrograms("setpriv", "unshare")).missing)("as an ordinary user", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "laminate-user-"));
    chownSync(dir, nobody, nobody);
  });
  afterEach(() => {
    removeTree(dir);
  });

  const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];

  function run(words: readonly string[]): Record<string, unknown> {
    const { stdout, stderr } = spawnSync("env", [...words, process.execPath, child, dir], { encoding: "utf8" });
    expect(stderr).toBe("");
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  const shape = (links: number, own: number): string[] => [
    " 500",
    "none 0",
    "none/in 555",
    `none/in/f 0 ${links}`,
    "search 111",
    `search/f 644 ${own}`,
    `search/linked 0 ${links}`,
    "search/x 755",
    "write 300",
    `write/f 644 ${own}`,
    `write/linked 0 ${links}`,
  ];

  it("copyTree copies what its owner may not read, keeps modes, and removeTree removes it all", () => {
    expect(run(asNobody)).toEqual({
      privileges: { uid: nobody, canChown: false, canMknod: false, canMount: false, overlayXattr: "user.overlay." },
      t: shape(6, 2),
      copy: shape(3, 1),
      shared: shape(6, 2),
      left: [],
      aborted: "0",
    });
  });

  const inNamespace = ["unshare", "--user", "--map-root-user"];
  it("detectPrivileges knows a user namespace, where trusted.* and devices stay out of reach", ({ skip }) => {
    const { status } = spawnSync("setpriv", [...asNobody.slice(1), ...inNamespace, "true"]);
    if (status !== 0) console.warn("SKIPPED: this test needs user namespaces");
    skip(status !== 0);
    expect(run([...asNobody, ...inNamespace])).toMatchObject({
      privileges: { uid: 0, canChown: true, canMknod: false, canMount: true, overlayXattr: "user.overlay." },
      copy: shape(3, 1),
      left: [],
    });
  });

  it("removeTree fails by code where others own what is in the way", () => {
    mkdirSync(join(dir, "of-root/d"), { recursive: true });
    writeFileSync(join(dir, "of-root/d/f"), "");
    const script = `const { removeTree } = await import(${JSON.stringify(join(import.meta.dirname, "../../driver/sys/remove-tree.ts"))});
      try { removeTree(process.argv[1]); } catch (error) { console.log(error.code, error.message); }`;
    const words = [...asNobody.slice(1), process.execPath, "--input-type=module", "-e", script, join(dir, "of-root")];
    const { stdout } = spawnSync("setpriv", words, { encoding: "utf8" });
    expect(stdout).toMatch(
      /^ERR_PERMISSION_DENIED cannot remove from ".*\/of-root\/d": EACCES: permission denied, unlinkat 'f'\n$/,
    );
  });
});
