/**
 * The rules of applying layers that are about whiteouts (W), on an overlay mount, a merged tree and the model. The ids are
 * those of the checklist these rules were collected in.
 */
import { describe, expect, it } from "vitest";
import { needRoot } from "../need.ts";
import { applying, brief, dir, file, invalid, link, opaque, shown, symlink, whiteout } from "../suites/shown.ts";

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
