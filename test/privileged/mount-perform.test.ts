import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mountByContext, mountByRelativeText, mountByText } from "../../driver/mount/mount-overlay.ts";
import type { Mount } from "../../driver/mount/mount.ts";
import { isMountPoint, mountsAt } from "../../driver/mount/mountinfo.ts";
import { formatOverlayOptions, type OverlayOptions } from "../../driver/mount/overlay-options.ts";
import { performMount, unmount } from "../../driver/mount/perform.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";

describe.skipIf(needAll(needRoot(), needPrograms("setpriv")).missing)("performMount", () => {
  let dir: string;
  let target: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "mount-"));
    target = join(dir, "target");
    mkdirSync(target);
  });
  afterEach(() => {
    unmount(target, { detach: true });
    rmSync(dir, { recursive: true });
  });

  /** `count` layers below `base`, each with a file of its own and a common one. */
  function layers(base: string, count: number): OverlayOptions {
    const lowerDirs = Array.from({ length: count }, (_, index) => {
      const lower = join(base, String(index), "fs");
      mkdirSync(lower, { recursive: true });
      writeFileSync(join(lower, `only-${index}`), String(index));
      writeFileSync(join(lower, "common"), String(index));
      return lower;
    }).reverse();
    const [upperDir, workDir] = [join(base, "upper"), join(base, "work")];
    mkdirSync(upperDir);
    mkdirSync(workDir);
    return { lowerDirs, upperDir, workDir, others: ["index=off", "redirect_dir=off", "metacopy=off"] };
  }

  function overlay(options: OverlayOptions): Mount {
    return { type: "overlay", source: "overlay", target: "", options: formatOverlayOptions(options) };
  }

  function bind(source: string, ...options: readonly string[]): Mount {
    return { type: "bind", source, target: "", options: [...options, "rbind"] };
  }

  const bases = {
    "plain names": "store",
    "names with comma, colon, backslash and space": "a,b:c\\d e",
    "names longer than fsconfig takes": join("x".repeat(200), "y".repeat(200)),
  };

  it.each(Object.entries(bases).flatMap(([what, base]) => [2, 130, 400].map((count) => [count, what, base] as const)))(
    "mounts %i layers of %s, topmost on top, writable",
    (count, _, base) => {
      const options = layers(join(dir, base), count);
      performMount([overlay(options)], target);
      expect(readFileSync(join(target, "common"), "utf8")).toBe(String(count - 1));
      expect(readdirSync(target).length).toBe(count + 1);
      writeFileSync(join(target, "common"), "changed");
      expect(readFileSync(join(options.upperDir ?? "", "common"), "utf8")).toBe("changed");
      unmount(target);
      expect(readdirSync(target)).toEqual([]);
    },
  );

  it.each([
    ["mount(2)", mountByText, 3],
    ["fsconfig", mountByContext, 3],
    ["relative names", mountByRelativeText, 300],
  ] as const)("gives the same overlay through %s", (_, mountBy, count) => {
    const before = process.cwd();
    const options = layers(join(dir, "store"), count);
    expect(mountBy(options, 0, target)).toBe(true);
    expect(readFileSync(join(target, "common"), "utf8")).toBe(String(count - 1));
    expect(readdirSync(target).length).toBe(count + 1);
    writeFileSync(join(target, "common"), "changed");
    expect(readFileSync(join(options.upperDir ?? "", "common"), "utf8")).toBe("changed");
    expect(process.cwd()).toBe(before);
    const features = mountsAt(target)[0]?.superOptions.filter((option) =>
      /^(redirect_dir|metacopy|index)=on/.test(option),
    );
    expect(features).toEqual([]);
  });

  it("refuses through mount(2) what does not fit a page", () => {
    expect(mountByText(layers(join(dir, "store"), 300), 0, target)).toBe(false);
    expect(isMountPoint(target)).toBe(false);
  });

  it("mounts an overlay without an upper directory read-only", () => {
    const { lowerDirs, others } = layers(join(dir, "store"), 2);
    performMount([overlay({ lowerDirs, others })], target);
    expect(() => {
      writeFileSync(join(target, "x"), "");
    }).toThrow(expect.objectContaining({ code: "EROFS" }));
  });

  it.each([
    ["mount(2)", mountByText],
    ["fsconfig", mountByContext],
  ] as const)("passes flags on through %s", (_, mountBy) => {
    const options = layers(join(dir, "store"), 2);
    mountBy(options, 1 | 2 | 4 | 8 | 1024, target);
    expect(mountsAt(target)[0]?.options).toEqual(
      expect.arrayContaining(["ro", "nosuid", "nodev", "noexec", "noatime"]),
    );
  });

  it("binds read-write and read-only, keeping the flags of the source", () => {
    const source = join(dir, "source");
    mkdirSync(source);
    performMount([{ type: "tmpfs", source: "tmpfs", target: "", options: ["nosuid", "nodev", "size=1m"] }], source);
    try {
      performMount([bind(source, "rw")], target);
      writeFileSync(join(target, "x"), "1");
      unmount(target);
      performMount([bind(source, "ro")], target);
      expect(() => {
        writeFileSync(join(target, "x"), "2");
      }).toThrow(expect.objectContaining({ code: "EROFS" }));
      expect(mountsAt(target)[0]?.options).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev"]));
      writeFileSync(join(source, "x"), "3");
      expect(readFileSync(join(target, "x"), "utf8")).toBe("3");
    } finally {
      unmount(target);
      unmount(source);
    }
  });

  it("performs several mounts in order and below the target", () => {
    const options = layers(join(dir, "store"), 2);
    mkdirSync(join(options.upperDir ?? "", "data"));
    const data = join(dir, "data");
    mkdirSync(data);
    performMount([overlay(options), { ...bind(data, "rw"), target: "/data" }], target);
    writeFileSync(join(target, "data", "x"), "1");
    expect(readFileSync(join(data, "x"), "utf8")).toBe("1");
    unmount(join(target, "data"));
  });

  it("follows symlinks below the target within it", () => {
    const options = layers(join(dir, "store"), 2);
    const outside = join(dir, "outside");
    const inside = join(options.upperDir ?? "", outside);
    for (const path of [outside, inside]) mkdirSync(path, { recursive: true });
    symlinkSync(outside, join(options.upperDir ?? "", "link"));
    const data = join(dir, "data");
    mkdirSync(data);
    performMount([overlay(options), { ...bind(data, "rw"), target: "link" }], target);
    expect(mountsAt(join(target, outside)).length).toBe(1);
    expect(isMountPoint(outside)).toBe(false);
    unmount(join(target, outside));
  });

  it("undoes the mounts before one that fails", () => {
    const options = layers(join(dir, "store"), 2);
    const missing = { ...bind(join(dir, "missing"), "rw") };
    expect(() => {
      performMount([overlay(options), missing], target);
    }).toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND", message: expect.stringContaining(target) as string }));
    expect(isMountPoint(target)).toBe(false);
  });

  it.each([
    ["a target that leaves the place", { type: "bind", source: "/", target: "../x", options: ["rbind"] }],
    ["an unknown option of a bind", { type: "bind", source: "/", target: "", options: ["rbind", "size=1"] }],
    ["an overlay without lowerdir", { type: "overlay", source: "overlay", target: "", options: [] }],
  ])("refuses %s", (_, one) => {
    expect(() => {
      performMount([one], target);
    }).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
    expect(isMountPoint(target)).toBe(false);
  });

  it("says in the kernel's words why fsconfig failed", () => {
    const options = layers(join(dir, "store"), 2);
    const wrong = { ...options, workDir: target, upperDir: join(dir, "store") };
    expect(() => mountByContext({ ...wrong, others: ["metacopy=maybe"] }, 0, target)).toThrow(/metacopy/);
  });

  it("unmount takes away stacked mounts, and nothing is fine", () => {
    for (const access of ["rw", "ro"]) {
      const source = join(dir, access);
      mkdirSync(source);
      performMount([bind(source, access)], target);
    }
    expect(mountsAt(target).length).toBe(2);
    unmount(target);
    expect(isMountPoint(target)).toBe(false);
    unmount(target);
    unmount(join(dir, "missing"));
  });

  it("unmount refuses while a process is inside, and detach does not", async () => {
    performMount([bind(dir, "rw")], target);
    const child = spawn("sleep", ["60"], { cwd: target });
    await once(child, "spawn");
    try {
      expect(() => {
        unmount(target);
      }).toThrow(expect.objectContaining({ code: "ERR_FAILED_PRECONDITION" }));
      expect(isMountPoint(target)).toBe(true);
      unmount(target, { detach: true });
      expect(isMountPoint(target)).toBe(false);
    } finally {
      child.kill();
      await once(child, "exit");
    }
  });

  it("reports a lack of privilege as such", () => {
    const module = join(import.meta.dirname, "../../driver/mount/perform.ts");
    const script = `
      import { performMount } from ${JSON.stringify(module)};
      try {
        performMount([{ type: "bind", source: "/tmp", target: "", options: ["rbind"] }], "/tmp");
      } catch (error) { console.log(error.code); }`;
    const node = [process.execPath, "--input-type=module", "-e", script];
    const child = spawnSync("setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", ...node], {
      encoding: "utf8",
    });
    expect(child.stdout).toBe("ERR_PERMISSION_DENIED\n");
  });
});
