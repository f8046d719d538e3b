/**
 * The rules of applying layers that are about types and replacement (T), on an overlay mount, a merged tree and the model. The ids are
 * those of the checklist these rules were collected in.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tar } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { LayerStack } from "../suites/layer-stack.ts";
import { applying, brief, dir, file, invalid, link, shown, symlink, whiteout } from "../suites/shown.ts";

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
