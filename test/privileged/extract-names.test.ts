/**
 * The rules of applying layers that are about names and paths (P), on an overlay mount, a merged tree and the model. The ids are
 * those of the checklist these rules were collected in.
 */
import { describe, expect, it } from "vitest";
import { needRoot } from "../need.ts";
import { applying, brief, dir, file, invalid, shown, symlink } from "../suites/shown.ts";

describe.skipIf(needRoot().missing)("names and paths", () => {
  it("P1 keeps names that are not UTF-8 byte for byte", () => {
    const name = Buffer.from([0x66, 0xff, 0xfe, 0x2d, 0xe9]);
    const target = Buffer.from([0xe9, 0x80]);
    const lines = shown([
      { path: name, data: "x" },
      { path: "l", type: "symlink", linkTarget: target },
      { path: Buffer.concat([name, Buffer.from("d/"), name]), data: "y" },
    ]);
    expect(brief(lines)).toEqual([
      `f\xff\xfe-\xe9 file 644 "x"`,
      "f\xff\xfe-\xe9d directory 755",
      `f\xff\xfe-\xe9d/f\xff\xfe-\xe9 file 644 "y"`,
      `l symlink "\xe9\x80"`,
    ]);
  });

  it("P1 whiteouts name bytes, too", () => {
    const name = Buffer.from([0xff, 0x61]);
    const wh = Buffer.concat([Buffer.from(".wh."), name]);
    expect(brief(shown([{ path: name }], [{ path: wh }]))).toEqual([]);
  });

  it("P2 takes ./a, /a, a// and a/ for a", () => {
    const lines = shown([dir("./d/"), file("/d//f", "1"), file("./g", "2"), file("//h", "3")]);
    expect(brief(lines)).toEqual(["d directory 755", 'd/f file 644 "1"', 'g file 644 "2"', 'h file 644 "3"']);
  });

  it("P2 gives the root the attributes of its entry and refuses to make it anything else", () => {
    const rest = { mode: 0o711, uid: 3, gid: 4, mtimeNs: 77n, xattrs: { "user.r": "v" } };
    expect(shown([dir("./", rest), file("f")])[0]).toBe('. directory 711 3:4 77 user.r="v"');
    expect(applying([symlink(".", "/tmp")])).toThrow(invalid);
    expect(applying([file("./", "x", { typeflag: "0" })])).toThrow(invalid);
  });

  it("P3 refuses names that leave the root", () => {
    for (const path of ["../x", "a/../../x", ".."]) expect(applying([file(path)])).toThrow(invalid);
  });

  it("P4 follows symlinks of its own layer inside the root: relative, absolute, through '..' and onto others", () => {
    const lines = shown([
      dir("usr/bin"),
      symlink("bin", "usr/bin"),
      symlink("abs", "/bin"),
      symlink("up", "../../../usr"),
      file("bin/a"),
      file("abs/b"),
      file("up/bin/c"),
    ]);
    expect(brief(lines).filter((line) => line.includes("file"))).toEqual([
      'usr/bin/a file 644 ""',
      'usr/bin/b file 644 ""',
      'usr/bin/c file 644 ""',
    ]);
  });

  it("P4 never follows the last component", () => {
    const lines = shown([
      file("t", "kept"),
      symlink("s", "t"),
      file("s", "new"),
      symlink("d", "e"),
      dir("e"),
      dir("d"),
    ]);
    expect(brief(lines)).toEqual(["d directory 755", "e directory 755", 's file 644 "new"', 't file 644 "kept"']);
  });

  it("P4 makes what a dangling symlink of its layer leads to, and meets the lower directory there", () => {
    const lines = shown(
      [dir("run", { mode: 0o700, uid: 5, mtimeNs: 9n }), file("run/old")],
      [symlink("var/run", "/run"), file("var/run/new"), symlink("x", "nowhere"), file("x/f")],
    );
    expect(lines).toContain("run directory 700 5:0 9");
    expect(brief(lines)).toEqual([
      "nowhere directory 755",
      'nowhere/f file 644 ""',
      "run directory 700",
      'run/new file 644 ""',
      'run/old file 644 ""',
      "var directory 755",
      'var/run symlink "/run"',
      'x symlink "nowhere"',
    ]);
  });

  it("P4 refuses a loop of symlinks and more than forty of them", () => {
    expect(applying([symlink("a", "b"), symlink("b", "a"), file("a/x")])).toThrow(invalid);
    const chain = Array.from({ length: 41 }, (_, index) => symlink(`l${index}`, `l${index + 1}`));
    expect(applying([...chain, file("l0/x")])).toThrow(invalid);
    expect(brief(shown([...chain, file("l1/x")])).at(-1)).toBe('l9 symlink "l10"');
  });

  it("P5 lays entries where a lower symlink leads, so that bin/x does not bury a merged /bin", () => {
    const lines = shown(
      [dir("usr/bin"), file("usr/bin/old"), symlink("bin", "usr/bin"), symlink("sbin", "/bin")],
      [file("bin/x"), file("sbin/y")],
      [file("bin/x", "again")],
    );
    expect(brief(lines)).toEqual([
      'bin symlink "usr/bin"',
      'sbin symlink "/bin"',
      "usr directory 755",
      "usr/bin directory 755",
      'usr/bin/old file 644 ""',
      'usr/bin/x file 644 "again"',
      'usr/bin/y file 644 ""',
    ]);
  });

  it("P5 replaces a lower symlink by a directory that has an entry, from that entry on", () => {
    const lines = shown(
      [dir("usr/bin"), symlink("bin", "usr/bin")],
      [file("bin/before"), dir("bin"), file("bin/after")],
    );
    expect(brief(lines)).toEqual([
      "bin directory 755",
      'bin/after file 644 ""',
      "usr directory 755",
      "usr/bin directory 755",
      'usr/bin/before file 644 ""',
    ]);
  });

  it("P5 follows lower symlinks that only the targets of others reveal", () => {
    const lines = shown(
      [dir("r/s/t"), symlink("a", "r"), symlink("r/b", "s"), symlink("r/s/c", "t"), symlink("loop", "loop")],
      [file("a/b/c/f"), file("loop/g")],
    );
    expect(brief(lines)).toContain('r/s/t/f file 644 ""');
    expect(brief(lines)).toContain('loop/g file 644 ""');
  });

  it("P6 gives missing parents 0755, root and the mtime of the first entry, until an entry says otherwise", () => {
    const lines = shown([
      file("a/b/f", "", { mtimeNs: 5n, uid: 9, mode: 0o600 }),
      file("a/g", "", { mtimeNs: 8n }),
      dir("a/b", { mode: 0o1777, gid: 7, mtimeNs: 6n }),
    ]);
    expect(lines).toEqual([
      ". directory 755 0:0 5",
      "a directory 755 0:0 5",
      "a/b directory 1777 0:7 6",
      'a/b/f file 600 9:0 5 ""',
      'a/g file 644 0:0 8 ""',
    ]);
  });

  it("P6 keeps what a lower directory is when a layer only implies it", () => {
    const rest = { mode: 0o2710, uid: 11, gid: 12, mtimeNs: 1_600_000_000_123_456_789n, xattrs: { "user.d": "v" } };
    const lines = shown([dir("./", rest), dir("d", rest)], [file("d/e/f", "", { mtimeNs: 5n })]);
    expect(lines[0]).toBe('. directory 2710 11:12 1600000000123456789 user.d="v"');
    expect(lines[1]).toBe('d directory 2710 11:12 1600000000123456789 user.d="v"');
    expect(lines[2]).toBe("d/e directory 755 0:0 5");
  });

  it("P6 replaces a file that a path leads through", () => {
    const lines = shown([file("f", "x"), file("g", "y")], [file("f/in"), file("g"), file("g/in")]);
    expect(brief(lines)).toEqual(["f directory 755", 'f/in file 644 ""', "g directory 755", 'g/in file 644 ""']);
  });

  it("P7 refuses names too long for a file system", () => {
    expect(applying([file("x".repeat(256))])).toThrow(invalid);
    expect(applying([file(`${"d/".repeat(900)}${"x".repeat(250)}/`.repeat(3) + "x")])).toThrow(invalid);
    expect(brief(shown([file("x".repeat(255))]))).toEqual([`${"x".repeat(255)} file 644 ""`]);
  });

  it("P7 refuses a path that symlinks make too long", () => {
    const long = Array.from({ length: 15 }, () => "d".repeat(200)).join("/");
    expect(applying([dir(long), symlink("s", long), file(`s/${long}/f`)])).toThrow(invalid);
  });

  it("P8 takes a backslash for what it is", () => {
    expect(brief(shown([file("a\\..\\b")]))).toEqual([String.raw`a\..\b file 644 ""`]);
  });
});
