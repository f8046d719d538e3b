/** Archives that GNU tar, bsdtar and Python make of a real tree hold that tree, in every format and sparse version. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  linkSync,
  utimesSync,
  writeFileSync,
  writeSync,
  ftruncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf } from "../../../driver/base/path-bytes.ts";
import { collectTar, contentOf } from "../../fixtures/tar-collect.ts";
import type { CollectedEntry } from "../../fixtures/tar-collect.ts";

const root = mkdtempSync(join(tmpdir(), "laminate-real-tar-"));
const tree = join(root, "tree");
const longName = "long-".repeat(30);
const archiveFile = join(root, "archive.tar");

function has(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`SKIPPED: archives of ${program}: it does not run here`);
    return false;
  }
}

beforeAll(() => {
  mkdirSync(join(tree, "dir", "sub"), { recursive: true });
  writeFileSync(join(tree, "dir", "file"), "content of file\n".repeat(100), { mode: 0o640 });
  writeFileSync(join(tree, "empty"), "");
  writeFileSync(join(tree, "dir", longName), "short content");
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x6e, 0xff, 0xe9])]), "name in bytes");
  symlinkSync("../dir/file", join(tree, "dir", "sub", "link"));
  symlinkSync(`${"far/".repeat(40)}away`, join(tree, "long-link"));
  linkSync(join(tree, "dir", "file"), join(tree, "hard"));
  const fd = openSync(join(tree, "sparse"), "w");
  for (const [index, place] of [0, 1, 3, 4, 6, 8, 9].entries()) {
    writeSync(fd, `block ${index}`.padEnd(4096, "."), place * 128 * 1024);
  }
  ftruncateSync(fd, 10 * 128 * 1024 + 17);
  closeSync(fd);
  utimesSync(join(tree, "dir", "file"), 0, 1_700_000_000.5);
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

interface Expectation {
  /** Modification times to the nanosecond. */
  readonly exactTimes?: boolean;
  readonly sparse?: boolean;
  /** The format holds names and targets longer than its fields. */
  readonly longNames?: boolean;
}

/** Short to compare. */
function digested(entry: CollectedEntry): object {
  return { ...entry, stored: createHash("sha256").update(entry.stored).digest("hex") };
}

function expectTree({ exactTimes = false, sparse = false, longNames = true }: Expectation): void {
  const archive = readFileSync(archiveFile);
  const entries = collectTar(archive);
  expect(collectTar(archive, { pieces: [4093] }).map(digested)).toEqual(entries.map(digested));
  const byPath = new Map(entries.map((entry) => [entry.path as string, entry]));
  const paths = ["", "dir", "dir/file", "dir/sub", "dir/sub/link", "empty", "hard", "n\u00ff\u00e9", "sparse"];
  if (longNames) paths.push(`dir/${longName}`, "long-link");
  expect([...byPath.keys()].sort()).toEqual(paths.sort());
  const links = entries.filter((entry) => entry.type === "hardlink");
  expect(links.map((entry) => [entry.path, entry.linkTarget].sort())).toEqual([["dir/file", "hard"]]);
  for (const entry of entries) {
    const file = Buffer.concat([Buffer.from(`${tree}/`), bytesOf(entry.path)]);
    const stat = lstatSync(file, { bigint: true });
    expect(entry.mode).toBe(Number(stat.mode) & 0o7777);
    expect([entry.uid, entry.gid]).toEqual([Number(stat.uid), Number(stat.gid)]);
    expect(entry.mtimeNs).toBe(exactTimes ? stat.mtimeNs : (stat.mtimeNs / 1_000_000_000n) * 1_000_000_000n);
    if (entry.type === "symlink") expect(entry.linkTarget).toBe(readlinkSync(file, { encoding: "latin1" }));
    if (entry.type === "file") expect(contentOf(entry).equals(readFileSync(file))).toBe(true);
  }
  const written = byPath.get("sparse");
  expect(written?.sparse !== undefined).toBe(sparse);
  if (sparse) expect(written?.stored.length).toBeLessThan(64 * 1024);
}

const gnu = has("tar", "--version") && execFileSync("tar", ["--version"]).includes("GNU tar");

describe.runIf(gnu)("GNU tar", () => {
  const run = (...args: string[]): void => {
    execFileSync("tar", [...args, "-cf", archiveFile, "-C", tree, "."], { stdio: "pipe" });
  };

  test.each([
    ["gnu", {}],
    ["oldgnu", {}],
    ["posix", { exactTimes: true }],
  ] as const)("--format=%s", (format, expectation) => {
    run(`--format=${format}`);
    expectTree(expectation);
  });

  test.each(["v7", "ustar"])("--format=%s of what it can hold", (format) => {
    run(`--format=${format}`, `--exclude=${longName}`, "--exclude=long-link");
    expectTree({ longNames: false });
  });

  test.each(["gnu", "oldgnu"])("--format=%s --sparse", (format) => {
    run(`--format=${format}`, "--sparse");
    expectTree({ sparse: true });
  });

  test.each(["0.0", "0.1", "1.0"])("--format=posix --sparse-version=%s", (version) => {
    run("--format=posix", "--sparse", `--sparse-version=${version}`);
    expectTree({ sparse: true, exactTimes: true });
  });

  test("--incremental, whose directories have data", () => {
    run("--format=gnu", `--listed-incremental=${join(root, "snapshot")}`);
    expectTree({});
  });

  test("--label, --xattrs and times before 1970", () => {
    execFileSync("touch", ["-d", "1960-01-02 03:04:05.123456789 UTC", join(tree, "empty")]);
    run("--format=posix", "--label=volume", "--xattrs");
    expectTree({ exactTimes: true });
    run("--format=gnu", "--label=volume");
    const empty = collectTar(readFileSync(archiveFile)).find((entry) => entry.path === "empty");
    expect(empty?.mtimeNs).toBe(-315_521_755n * 1_000_000_000n);
    utimesSync(join(tree, "empty"), 1, 1);
  });

  test("--xattrs of a file that has some", () => {
    const script = "import os,sys;os.setxattr(sys.argv[1],'user.laminate',b'a\\n\\0=b')";
    try {
      execFileSync("python3", ["-c", script, join(tree, "empty")], { stdio: "ignore" });
    } catch {
      console.warn("SKIPPED: archives with xattrs: no user xattrs in the temporary directory, or no python3");
      return;
    }
    run("--format=posix", "--xattrs", "--xattrs-include=*");
    const empty = collectTar(readFileSync(archiveFile)).find((entry) => entry.path === "empty");
    expect(empty?.xattrs.get("user.laminate")).toEqual(new Uint8Array(Buffer.from("a\n\0=b")));
  });
});

describe.runIf(has("bsdtar", "--version"))("bsdtar", () => {
  test.each(["pax", "gnutar"])("--format %s", (format) => {
    execFileSync("bsdtar", ["--format", format, "--no-read-sparse", "-cf", archiveFile, "-C", tree, "."], {
      stdio: "pipe",
    });
    expectTree({ exactTimes: format === "pax" });
  });
});

describe.runIf(has("python3", "-c", "import tarfile"))("Python's tarfile", () => {
  test.each(["PAX", "GNU"])("%s_FORMAT", (format) => {
    const script = `import tarfile,sys
with tarfile.open(sys.argv[1],"w",format=tarfile.${format}_FORMAT,encoding="utf-8",errors="surrogateescape") as t:
    t.add(sys.argv[2],arcname=".",filter=lambda i: (setattr(i,"mtime",int(i.mtime)),i)[1])
`;
    execFileSync("python3", ["-c", script, archiveFile, tree], { stdio: "pipe" });
    expectTree({});
  });
});
