import { describe, expect, it } from "vitest";
import { parseMountFlags } from "../../../driver/mount/mount-flags.ts";
import { MS_BIND, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_REC } from "../../../driver/sys/constants.ts";

describe("parseMountFlags", () => {
  it("separates flags from file system options and keeps the order of those", () => {
    expect(parseMountFlags(["ro", "size=1m", "rbind", "nosuid", "nodev", "mode=700"])).toEqual({
      flags: MS_RDONLY | MS_BIND | MS_REC | MS_NOSUID | MS_NODEV,
      rest: ["size=1m", "mode=700"],
    });
  });

  it("lets the later of two contradicting words win", () => {
    expect(parseMountFlags(["ro", "rw"]).flags).toBe(0);
    expect(parseMountFlags(["rw", "ro"]).flags).toBe(MS_RDONLY);
  });

  it("takes names of Object's own members for options", () => {
    expect(parseMountFlags(["constructor", "__proto__"]).rest).toEqual(["constructor", "__proto__"]);
  });
});
