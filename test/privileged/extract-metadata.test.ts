/**
 * The rules of applying layers that are about metadata (M), on an overlay mount, a merged tree and the model. The ids are
 * those of the checklist these rules were collected in.
 */
import { describe, expect, it } from "vitest";
import { tar } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { brief, dir, file, link, opaque, shown, shownTars, symlink, whiteout } from "../suites/shown.ts";

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
