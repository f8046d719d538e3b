/**
 * Every rule of applying layers: names (P), types (T), whiteouts (W) and metadata (M), on an overlay mount, a merged
 * tree and the model. The ids are those of the checklist these rules were collected in.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tar, type EntrySpec } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { copyLines, LayerStack } from "../suites/layer-stack.ts";
import { brief, dir, file, link, opaque, shown, shownTars, symlink, whiteout } from "../suites/shown.ts";

const invalid = expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }) as Error;

/** Both backends extract and settle alike: one is enough to see a layer refused. */
function applying(...layers: readonly (readonly EntrySpec[])[]): () => string[] {
  return () => copyLines(layers.map((layer) => tar(layer)));
}

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

describe.skipIf(needRoot().missing)("types and replacement", () => {
  it("T1 keeps what is in a directory that a directory replaces, in its own layer and below", () => {
    const lines = shown(
      [dir("d", { mode: 0o700, uid: 1 }), file("d/low")],
      [dir("d"), file("d/one"), dir("d", { mode: 0o711, gid: 2, mtimeNs: 4n })],
    );
    expect(lines.slice(1)).toEqual(["d directory 711 0:2 4", 'd/low file 644 0:0 0 ""', 'd/one file 644 0:0 0 ""']);
  });

  it.each([
    ["file", file("p", "new")],
    ["symlink", symlink("p", "t")],
    ["fifo", { path: "p", type: "fifo" }],
    ["device", { path: "p", type: "char-device", devMajor: 1, devMinor: 3 }],
  ] as const)("T1 removes a whole directory for a %s, in its own layer and below", (_, entry) => {
    expect(shown([dir("p"), file("p/x/y")], [entry])).toHaveLength(2);
    expect(shown([dir("p"), file("p/x/y"), entry])).toHaveLength(2);
    expect(shown([dir("p"), file("p/low")], [file("p/x/y"), entry])).toHaveLength(2);
  });

  it("T1 hides all of the lower directory behind one that replaced a file of its own layer", () => {
    const lines = shown([dir("d"), file("d/low")], [file("d"), dir("d"), file("d/new")]);
    expect(brief(lines)).toEqual(["d directory 755", 'd/new file 644 ""']);
    const implied = shown([dir("d"), file("d/low")], [symlink("d", "e"), file("d"), file("d/new")]);
    expect(brief(implied)).toEqual(["d directory 755", 'd/new file 644 ""']);
  });

  it("T1 puts a directory in place of lower files, symlinks and devices, with what it holds", () => {
    const lower = [file("f"), dir("t"), file("t/low"), symlink("s", "t"), { path: "p", type: "fifo" } as const];
    const lines = shown(lower, [dir("f"), dir("s"), file("s/x"), dir("p")]);
    expect(brief(lines)).toEqual([
      "f directory 755",
      "p directory 755",
      "s directory 755",
      's/x file 644 ""',
      "t directory 755",
      't/low file 644 ""',
    ]);
  });

  it("T1 the last of several entries of one name wins", () => {
    expect(brief(shown([file("f", "1"), file("f", "22"), symlink("f", "x"), file("f", "333")]))).toEqual([
      'f file 644 "333"',
    ]);
  });

  it("T2 links to files, symlinks, fifos and devices, also through symlinks and from the root", () => {
    const lines = shown([
      file("d/f", "x"),
      symlink("s", "d"),
      symlink("dangling", "nowhere"),
      { path: "p", type: "fifo" },
      link("l1", "d/f"),
      link("l2", "/s/f"),
      link("l3", "dangling"),
      link("l4", "p"),
    ]);
    expect(brief(lines)).toEqual([
      "d directory 755",
      'd/f file 644 "x" links(d/f)',
      'dangling symlink "nowhere" links(dangling)',
      'l1 file 644 "x" links(d/f)',
      'l2 file 644 "x" links(d/f)',
      'l3 symlink "nowhere" links(dangling)',
      'l4 fifo 644 "" links(l4)',
      'p fifo 644 "" links(l4)',
      's symlink "d"',
    ]);
  });

  it("T2 refuses links to themselves, to directories, to later entries and out of the root", () => {
    expect(applying([link("l", "l")])).toThrow(invalid);
    expect(applying([file("f"), symlink("s", "."), link("f", "s/f")])).toThrow(invalid);
    expect(applying([dir("d"), link("l", "d")])).toThrow(invalid);
    expect(applying([dir("d")], [link("l", "d")])).toThrow(invalid);
    expect(applying([link("l", "f"), file("f")])).toThrow(invalid);
    expect(applying([file("f"), link("l", "../f")])).toThrow(invalid);
    expect(applying([file("d/f"), link("d", "d/f")])).toThrow(invalid);
  });

  it("T3 makes a link to a lower file a copy with all its attributes, several links one file", () => {
    const rest = { mode: 0o4755, uid: 5, gid: 6, mtimeNs: 7n, xattrs: { "user.x": "y" } };
    const lines = shown(
      [file("d/f", "content", rest), symlink("s", "d"), { path: "p", type: "fifo", mode: 0o640 }],
      [link("l1", "d/f"), link("e/l2", "s/f"), link("l3", "l1"), link("l4", "p")],
    );
    expect(lines).toContain('l1 file 4755 5:6 7 user.x="y" "content" links(e/l2)');
    expect(lines).toContain('e/l2 file 4755 5:6 7 user.x="y" "content" links(e/l2)');
    expect(lines).toContain('l3 file 4755 5:6 7 user.x="y" "content" links(e/l2)');
    expect(lines).toContain('d/f file 4755 5:6 7 user.x="y" "content"');
    expect(lines).toContain('l4 fifo 640 0:0 0 ""');
  });

  it("T3 finds a lower target that the same layer whites out or replaces later", () => {
    const lines = shown(
      [file("f", "old"), file("g", "older")],
      [whiteout("f"), link("l", "f"), link("m", "g"), file("g", "new")],
    );
    expect(brief(lines)).toEqual(['g file 644 "new"', 'l file 644 "old"', 'm file 644 "older"']);
  });

  it("T3 prefers its own layer's file where a lower symlink leads to it", () => {
    const lines = shown(
      [dir("usr/bin"), file("usr/bin/f", "low"), symlink("bin", "usr/bin")],
      [file("usr/bin/f", "own"), link("l", "bin/f"), link("m", "bin/../usr/bin/f")],
    );
    expect(brief(lines)).toContain('l file 644 "own" links(l)');
    expect(brief(lines)).toContain('usr/bin/f file 644 "own" links(l)');
  });

  it("T3 forgets a link to a lower file when an entry takes its place", () => {
    const lower = [file("f", "low")];
    expect(brief(shown(lower, [link("l", "f"), file("l", "own")]))).toContain('l file 644 "own"');
    expect(brief(shown(lower, [link("l", "f"), dir("l"), file("l/x")]))).toContain("l directory 755");
    expect(brief(shown(lower, [link("d/l", "f"), file("d"), file("d/l", "own")]))).toContain('d/l file 644 "own"');
    expect(brief(shown(lower, [link("d/l", "f"), symlink("d", "e")]))).toEqual(['d symlink "e"', 'f file 644 "low"']);
  });

  it("T3 leads no path through a copy of a lower symlink", () => {
    const lines = shown([dir("a"), symlink("b", "a")], [link("l", "b"), file("l/x"), link("m", "b"), link("n", "m")]);
    expect(brief(lines)).toEqual([
      "a directory 755",
      'b symlink "a"',
      "l directory 755",
      'l/x file 644 ""',
      'm symlink "a" links(m)',
      'n symlink "a" links(m)',
    ]);
  });

  it("T4 applies no metadata of a link's own header, least of all through a symlink", () => {
    const rest = { mode: 0o777, uid: 9, mtimeNs: 99n, xattrs: { "user.no": "1" } };
    const lines = shown([
      file("f", "x", { mode: 0o600 }),
      symlink("s", "f"),
      link("l", "s", rest),
      link("k", "f", rest),
    ]);
    expect(lines).toContain('f file 600 0:0 0 "x" links(f)');
    expect(lines).toContain('l symlink 0:0 0 "f" links(l)');
  });

  it("T5 keeps symlink targets as they stand and refuses empty ones", () => {
    const targets = ["/etc//x/", "../../..", "./a/../b", "dangling", " ", "x".repeat(4000)];
    const lines = shown(targets.map((target, index) => symlink(`s${index}`, target)));
    expect(brief(lines).slice(0, 5)).toEqual(
      targets.slice(0, 5).map((target, index) => `s${index} symlink ${JSON.stringify(target)}`),
    );
    expect(applying([symlink("s", "")])).toThrow(invalid);
  });

  it("T6 makes devices with their numbers, and refuses the one that is a whiteout", () => {
    const lines = shown([
      { path: "null", type: "char-device", devMajor: 1, devMinor: 3, mode: 0o666 },
      { path: "sda", type: "block-device", devMajor: 259, devMinor: 70_000, mode: 0o660, gid: 6 },
      { path: "zero", type: "block-device" },
    ]);
    expect(lines.slice(1)).toEqual([
      'null char-device 666 0:0 0 "1:3"',
      'sda block-device 660 0:6 0 "259:70000"',
      'zero block-device 644 0:0 0 "0:0"',
    ]);
    expect(applying([{ path: "w", type: "char-device" }])).toThrow(invalid);
  });

  it("T7 makes fifos, takes type 7 for a file, and a NUL type with a slash behind the name for a directory", () => {
    const lines = shown([
      { path: "p", type: "fifo", mode: 0o622 },
      file("c", "x", { typeflag: "7" }),
      file("d/", "", { typeflag: "\0", format: "v7", mode: 0o755 }),
      dir("e", { data: "ignored body" }),
      file("after", "y"),
    ]);
    expect(brief(lines)).toEqual([
      'after file 644 "y"',
      'c file 644 "x"',
      "d directory 755",
      "e directory 755",
      'p fifo 622 ""',
    ]);
  });

  it.each(["old-gnu", "0.0", "0.1", "1.0"] as const)("T8 expands sparse files of format %s", (version) => {
    const extents = [
      { offsetBytes: 4096, data: "head" },
      { offsetBytes: 900_000, data: "tail" },
    ];
    const layer = [{ path: "s", sparse: { version, sizeBytes: 1_000_000, extents } }, file("after", "x")];
    const whole = Buffer.alloc(1_000_000);
    for (const { offsetBytes, data } of extents) whole.write(data, offsetBytes);
    const hash = createHash("sha256").update(whole).digest("hex");
    expect(brief(shown(layer))).toEqual(['after file 644 "x"', `s file 644 "sha256(${hash})"`]);
    using stack = new LayerStack();
    const { dir: tree } = stack.merge([tar(layer)]);
    expect(statSync(join(tree, "s")).blocks * 512).toBeLessThanOrEqual(16_384);
  });

  it("T9 skips the body of a hard link", () => {
    const lines = shown([file("f", "x"), link("l", "f", { data: "body that is not used" }), file("g", "y")]);
    expect(brief(lines)).toEqual(['f file 644 "x" links(f)', 'g file 644 "y"', 'l file 644 "x" links(f)']);
  });
});

describe.skipIf(needRoot().missing)("whiteouts", () => {
  const lower = [dir("d"), file("d/a"), file("d/b"), dir("d/sub"), file("d/sub/x"), file("e")];

  it("W0 hides files and whole directories of lower layers, wherever the whiteout stands", () => {
    expect(brief(shown(lower, [whiteout("d/sub"), whiteout("e"), file("n")]))).toEqual([
      "d directory 755",
      'd/a file 644 ""',
      'd/b file 644 ""',
      'n file 644 ""',
    ]);
    expect(brief(shown(lower, [file("n"), whiteout("d")], [file("d/new")]))).toEqual([
      "d directory 755",
      'd/new file 644 ""',
      'e file 644 ""',
      'n file 644 ""',
    ]);
  });

  it("W0 leaves modes and times of the directories it hides things in", () => {
    const rest = { mode: 0o500, uid: 3, mtimeNs: 1_500_000_000_000_000_001n };
    const lines = shown(
      [dir("d", rest), file("d/f"), dir("d/e", rest), file("d/e/g")],
      [whiteout("d/f"), opaque("d/e")],
    );
    expect(lines.slice(1)).toEqual([
      "d directory 500 3:0 1500000000000000001",
      "d/e directory 500 3:0 1500000000000000001",
    ]);
  });

  it("W0 says nothing of layers further up, nor of what comes back", () => {
    expect(brief(shown([file("f", "1")], [whiteout("f")], [file("f", "2")]))).toEqual(['f file 644 "2"']);
    expect(brief(shown([dir("d"), file("d/f")], [whiteout("d")], [dir("d")], [file("d/g")]))).toEqual([
      "d directory 755",
      'd/g file 644 ""',
    ]);
  });

  it.each([".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh...", "d/.wh.."])("W1 refuses the whiteout %s", (path) => {
    expect(applying([file(path)])).toThrow(invalid);
  });

  it("W1 refuses a whiteout that is no file, and takes AUFS's hard links for whiteouts", () => {
    expect(applying(lower, [dir(".wh.e")])).toThrow(invalid);
    expect(applying(lower, [symlink(".wh.e", "x")])).toThrow(invalid);
    expect(applying(lower, [{ path: ".wh.e", type: "fifo" }])).toThrow(invalid);
    expect(brief(shown(lower, [link(".wh.e", ".wh..wh.aufs"), whiteout("d")]))).toEqual([]);
    expect(brief(shown(lower, [file(".wh.e", "not empty"), whiteout("d")]))).toEqual([]);
  });

  it("W2 looks at the last component only", () => {
    const lines = shown([dir("etc"), file("etc/x")], [file(".wh.etc/x", "y")]);
    expect(brief(lines)).toEqual([
      ".wh.etc directory 755",
      '.wh.etc/x file 644 "y"',
      "etc directory 755",
      'etc/x file 644 ""',
    ]);
  });

  it("W3 never hides an entry of its own layer, before or after it, nor one below", () => {
    expect(brief(shown(lower, [file("e", "new"), whiteout("e"), whiteout("d")]))).toEqual(['e file 644 "new"']);
    expect(brief(shown(lower, [whiteout("e"), file("e", "new"), whiteout("d")]))).toEqual(['e file 644 "new"']);
    expect(brief(shown(lower, [whiteout("e"), file("d/sub/y"), whiteout("d")]))).toEqual([
      "d directory 755",
      "d/sub directory 755",
      'd/sub/y file 644 ""',
    ]);
  });

  it("W4 makes a directory with its own whiteout a new one", () => {
    const rest = { mode: 0o750, mtimeNs: 3n };
    expect(shown(lower, [dir("d", rest), file("d/new"), whiteout("d"), whiteout("e")]).slice(1)).toEqual([
      "d directory 750 0:0 3",
      'd/new file 644 0:0 0 ""',
    ]);
    expect(
      shown([dir("d", { mode: 0o700, uid: 4 }), file("d/f")], [whiteout("d"), file("d/g", "", { mtimeNs: 8n })]),
    ).toEqual([". directory 755 0:0 0", "d directory 755 0:0 8", 'd/g file 644 0:0 8 ""']);
  });

  it("W5 hides all lower children of an opaque directory, not its own layer's, wherever the marker stands", () => {
    for (const layer of [
      [opaque("d"), file("d/new"), whiteout("e")],
      [file("d/new"), whiteout("e"), opaque("d")],
    ]) {
      expect(brief(shown(lower, layer))).toEqual(["d directory 755", 'd/new file 644 ""']);
    }
  });

  it("W5 keeps the lower attributes of an opaque directory that has no entry", () => {
    const rest = { mode: 0o1770, uid: 8, gid: 9, mtimeNs: 44n, xattrs: { "user.o": "p" } };
    const lines = shown([dir("a"), dir("a/d", rest), file("a/d/f")], [opaque("a/d")]);
    expect(lines.slice(1)).toEqual(["a directory 755 0:0 0", 'a/d directory 1770 8:9 44 user.o="p"']);
  });

  it("W5 hides everything below with a marker at the root", () => {
    const rest = { mode: 0o711, mtimeNs: 2n };
    expect(shown([dir("./", rest), ...lower], [opaque(""), file("d/new"), file("n")])).toEqual([
      ". directory 711 0:0 2",
      "d directory 755 0:0 0",
      'd/new file 644 0:0 0 ""',
      'n file 644 0:0 0 ""',
    ]);
  });

  it("W5 ignores a marker where there is no lower directory, or where its own layer has something else", () => {
    expect(brief(shown([file("f")], [opaque("f"), opaque("g"), opaque("g/h")]))).toEqual(['f file 644 ""']);
    expect(brief(shown([dir("d"), file("d/f")], [file("d"), opaque("d")]))).toEqual(['d file 644 ""']);
  });

  it("W6 writes no whiteouts inside opaque directories", () => {
    expect(brief(shown(lower, [whiteout("d/a"), opaque("d"), whiteout("d/sub/x"), whiteout("e")]))).toEqual([
      "d directory 755",
    ]);
    expect(brief(shown(lower, [whiteout("d"), whiteout("d/a"), dir("d"), whiteout("e")]))).toEqual(["d directory 755"]);
  });

  it("W7 follows lower symlinks to what is hidden", () => {
    const stack = [
      dir("usr/bin"),
      file("usr/bin/x"),
      file("usr/bin/y"),
      symlink("bin", "usr/bin"),
      symlink("alias", "/bin"),
    ];
    expect(brief(shown(stack, [whiteout("bin/x"), whiteout("alias/y")]))).toEqual([
      'alias symlink "/bin"',
      'bin symlink "usr/bin"',
      "usr directory 755",
      "usr/bin directory 755",
    ]);
    expect(brief(shown(stack, [opaque("bin")]))).toEqual([
      'alias symlink "/bin"',
      'bin symlink "usr/bin"',
      "usr directory 755",
      "usr/bin directory 755",
    ]);
  });

  it("W7 hides nothing through an entry of its own layer", () => {
    const stack = [dir("usr/bin"), file("usr/bin/x"), symlink("bin", "usr/bin")];
    const kept = ["bin directory 755", "usr directory 755", "usr/bin directory 755", 'usr/bin/x file 644 ""'];
    expect(brief(shown(stack, [dir("bin"), whiteout("bin/x")]))).toEqual(kept);
    expect(brief(shown(stack, [dir("bin"), opaque("bin")]))).toEqual(kept);
    expect(brief(shown(stack, [symlink("link", "usr/bin"), whiteout("link/x")]))).toContain('usr/bin/x file 644 ""');
  });

  it("W7 has nothing to do below missing directories, dead symlinks and files", () => {
    const stack = [file("f"), symlink("dead", "nowhere"), symlink("loop", "loop")];
    const layer = [whiteout("f/x"), whiteout("dead/x"), whiteout("loop/x"), whiteout("no/such/x"), whiteout("n")];
    expect(brief(shown(stack, layer))).toEqual(['dead symlink "nowhere"', 'f file 644 ""', 'loop symlink "loop"']);
    expect(brief(shown(stack, [whiteout("f"), whiteout("f/bar")]))).not.toContain('f file 644 ""');
  });

  it("W8 skips AUFS's bookkeeping, and says so when a link needs it", () => {
    const layer = [
      file(".wh..wh.aufs"),
      dir(".wh..wh.orph"),
      file(".wh..wh.orph/x"),
      dir(".wh..wh.plnk"),
      file("f"),
      file("d/.wh..wh.x"),
    ];
    expect(brief(shown(layer))).toEqual(['f file 644 ""']);
    expect(applying([file(".wh..wh.plnk/1.2", "x"), link("l", ".wh..wh.plnk/1.2")])).toThrow(
      expect.objectContaining({ code: "ERR_UNIMPLEMENTED" }) as Error,
    );
  });

  it("W9 takes no attributes from a whiteout's header", () => {
    const lines = shown(
      [file("d/f")],
      [{ path: "d/.wh.f", mode: 0o777, uid: 9, mtimeNs: 123n, xattrs: { "user.w": "1" } }],
    );
    expect(lines).toEqual([". directory 755 0:0 0", "d directory 755 0:0 0"]);
  });

  it("W10 whiteouts of one layer do not show through a later layer's opaque directory", () => {
    expect(brief(shown([dir("d"), file("d/f"), file("d/g")], [whiteout("d/f")], [opaque("d"), file("d/h")]))).toEqual([
      "d directory 755",
      'd/h file 644 ""',
    ]);
  });
});

describe.skipIf(needRoot().missing)("metadata", () => {
  /** cap_net_raw+ep, version 2. */
  const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");

  it("M1 keeps setuid, setgid and capabilities of files with other owners", () => {
    const lines = shown([
      file("su", "x", { mode: 0o6755, uid: 12, gid: 34 }),
      file("ping", "x", { mode: 0o755, uid: 12, xattrs: { "security.capability": capability } }),
    ]);
    expect(lines).toContain('su file 6755 12:34 0 "x"');
    expect(lines[1]).toContain("security.capability=");
  });

  it("M2 keeps modes under any umask", () => {
    const before = process.umask(0o077);
    try {
      const lines = shown([
        file("a/b/f", "", { mode: 0o666 }),
        dir("d", { mode: 0o777 }),
        { path: "p", type: "fifo", mode: 0o666 },
        { path: "n", type: "char-device", devMajor: 1, devMinor: 3, mode: 0o666 },
      ]);
      expect(brief(lines)).toEqual([
        "a directory 755",
        "a/b directory 755",
        'a/b/f file 666 ""',
        "d directory 777",
        'n char-device 666 "1:3"',
        'p fifo 666 ""',
      ]);
    } finally {
      process.umask(before);
    }
  });

  it("M3 gives directories their times after all that is laid in them", () => {
    const lines = shown(
      [dir("d", { mtimeNs: 10n }), file("d/f", "", { mtimeNs: 20n })],
      [file("d/g", "", { mtimeNs: 30n }), link("d/h", "d/f")],
    );
    expect(lines[1]).toBe("d directory 755 0:0 10");
  });

  it.each([0n, 1n, 999_999_999n, 1_700_000_000_123_456_789n, -1n, -1_000_000_001n, 4_294_967_296_000_000_001n])(
    "M4 keeps the mtime %d of files, directories and symlinks to the nanosecond",
    (mtimeNs) => {
      const lines = shown([file("f", "", { mtimeNs }), dir("d", { mtimeNs }), symlink("s", "x", { mtimeNs })]);
      expect(lines.slice(1)).toEqual([
        `d directory 755 0:0 ${mtimeNs}`,
        `f file 644 0:0 ${mtimeNs} ""`,
        `s symlink 0:0 ${mtimeNs} "x"`,
      ]);
    },
  );

  it("M5 keeps owners up to 2^32-2", () => {
    const rest = { uid: 4_294_967_294, gid: 2_097_152 };
    const lines = shown([file("f", "", rest), dir("d", rest), symlink("s", "x", rest)]);
    for (const line of lines.slice(1)) expect(line).toContain(" 4294967294:2097152 ");
  });

  it("M6 keeps extended attributes of any bytes, on all types that can have them", () => {
    const value = Buffer.from([0, 1, 10, 61, 255]);
    const xattrs = { "user.a": value, "user.b": "" };
    const lines = shown([
      file("f", "", { xattrs }),
      dir("d", { xattrs }),
      symlink("s", "x", { xattrs: { "security.x": value } }),
    ]);
    const shownValue = JSON.stringify(value.toString("latin1"));
    expect(lines[1]).toContain(`user.a=${shownValue}`);
    expect(lines[2]).toContain(`user.a=${shownValue}`);
    expect(lines[3]).toContain(`security.x=${shownValue}`);
  });

  it("M6 keeps ACLs of a directory and lets nothing inherit them", () => {
    const acl = posixAcl();
    const xattrs = { "system.posix_acl_default": acl, "system.posix_acl_access": acl };
    const lower = [dir("d", { xattrs, mode: 0o775 }), file("d/f"), dir("d/e"), file("d/e/g"), file("x", "copied")];
    const lines = shown(lower, [file("d/h"), link("d/l", "x"), file("d/i/j"), whiteout("d/f")], [opaque("d/e")]);
    const withAcl = lines.filter((line) => line.includes("posix_acl"));
    expect(withAcl).toHaveLength(1);
    expect(withAcl[0]).toMatch(/^d directory 775 /);
  });

  it("M7 drops attributes that an image may not set", () => {
    const xattrs = {
      "trusted.overlay.opaque": "y",
      "user.overlay.opaque": "y",
      "trusted.overlay.redirect": "/etc",
      "trusted.other": "x",
      "security.selinux": "label",
      "user.kept": "v",
    };
    const lines = shown([dir("d"), file("d/low")], [dir("d", { xattrs }), file("f", "", { xattrs })]);
    expect(lines.slice(1)).toEqual([
      'd directory 755 0:0 0 user.kept="v"',
      'd/low file 644 0:0 0 ""',
      'f file 644 0:0 0 user.kept="v" ""',
    ]);
  });

  it("M8 goes on without an attribute that a type cannot have", () => {
    const xattrs = { "user.a": "v", "nosuchspace.a": "v" };
    const lines = shown([
      symlink("s", "x", { xattrs }),
      { path: "p", type: "fifo", xattrs },
      file("f", "", { xattrs }),
    ]);
    expect(lines.slice(1)).toEqual(['f file 644 0:0 0 user.a="v" ""', 'p fifo 644 0:0 0 ""', 's symlink 0:0 0 "x"']);
  });

  it("M9 takes the old attributes from a directory that an entry replaces", () => {
    const lines = shown([
      dir("d", { mode: 0o700, uid: 3, mtimeNs: 1n, xattrs: { "user.old": "1", "user.both": "1" } }),
      dir("d", { mtimeNs: 2n, xattrs: { "user.both": "2" } }),
    ]);
    expect(lines[1]).toBe('d directory 755 0:0 2 user.both="2"');
  });

  it("M9 takes a lower directory's attributes, too", () => {
    const xattrs = { "user.old": "1" };
    expect(shown([dir("d", { xattrs })], [dir("d", { xattrs: { "user.new": "2" } })])[1]).toBe(
      'd directory 755 0:0 0 user.new="2"',
    );
  });

  it("M10 gives a root without an entry 0755, or what the layer below has", () => {
    expect(shown([file("f", "", { mtimeNs: 6n })])[0]).toBe(". directory 755 0:0 6");
    expect(shown([dir("./", { mode: 0o700, mtimeNs: 5n })], [file("f")], [whiteout("f")])[0]).toBe(
      ". directory 700 0:0 5",
    );
  });

  it("A10 takes layers without entries", () => {
    const empty = Buffer.alloc(1024);
    expect(shownTars(empty)).toEqual([". directory 755 0:0 0"]);
    expect(shownTars(tar([dir("./", { mode: 0o711 })]), empty)).toEqual([". directory 711 0:0 0"]);
  });
});

/** user::rwx, user:1000:rwx, group::r-x, mask::rwx, other::r-x, as the kernel keeps it. */
function posixAcl(): Buffer {
  const entries = [
    [1, 7, 0xffffffff],
    [2, 7, 1000],
    [4, 5, 0xffffffff],
    [0x10, 7, 0xffffffff],
    [0x20, 5, 0xffffffff],
  ] as const;
  const acl = Buffer.alloc(4 + entries.length * 8);
  acl.writeUInt32LE(2);
  entries.forEach(([tag, permissions, id], index) => {
    acl.writeUInt16LE(tag, 4 + index * 8);
    acl.writeUInt16LE(permissions, 6 + index * 8);
    acl.writeUInt32LE(id, 8 + index * 8);
  });
  return acl;
}
