import { describe, expect, it } from "vitest";
import { semverRange } from "../../../driver/batch/sets/semver-range.ts";
import { anywhere, whole } from "../../../driver/batch/sets/tag-patterns.ts";

describe("semverRange", () => {
  it.each([
    ["1.2", "1.2 1.2.9 v1.2.0", "1.3 1.2.0-rc1 latest 1.2.3.4"],
    ["=1.2.3", "1.2.3 v1.2.3 1.2.3+build", "1.2.4"],
    ["!=1.2", "1.3 2", "1.2 1.2.5"],
    [">1.2", "1.3 2.0.0", "1.2 1.2.5 1"],
    [">=1.2 <2, !=1.5.0", "1.2 1.9.9 1.5.1", "1.1 2 1.5.0"],
    ["<=1.2", "1.2.9 1", "1.3"],
    ["~1.2.3", "1.2.3 1.2.10", "1.2.2 1.3"],
    ["~1", "1 1.9", "2 0.9"],
    ["^1.2", "1.2 1.9.9", "1.1 2"],
    ["^0.2.3", "0.2.3 0.2.9", "0.3 0.2.2"],
    ["^0.0.3", "0.0.3", "0.0.4"],
    ["^0.0", "0.0.9", "0.1"],
    ["1.x || >= 3", "1.7 3 10.1", "2.9"],
    ["1.2 - 1.4", "1.2 1.3 1.4.9", "1.5 1.1"],
    ["*", "0.0.1 9", "9-rc1 x"],
    [">=1.0.0-beta.2", "1.0.0-beta.11 1.0.0-rc 1.0.0 1.1", "1.0.0-beta.1 1.0.0-alpha"],
  ])("has in %j the versions %s and not %s", (range, inside, outside) => {
    const versions = semverRange(range);
    expect(inside.split(" ").filter((tag) => !versions.test(tag))).toEqual([]);
    expect(outside.split(" ").filter((tag) => versions.test(tag))).toEqual([]);
  });

  it.each(["", "latest", ">", ">=1 || ", "1.2.3.4", "01"])("refuses %j", (range) => {
    expect(() => semverRange(range)).toThrow("cannot use range of versions");
  });
});

describe("expressions of tags", () => {
  it("are searched for anywhere, or are the whole tag", () => {
    expect(anywhere("1|2").test("x2y")).toBe(true);
    expect(whole("1|2").test("x2y")).toBe(false);
    expect(whole("1|2").test("2")).toBe(true);
    expect(whole("(?i)rc\\d").test("RC1")).toBe(true);
    expect(anywhere("a\\.b\\-c").test("a.b-c")).toBe(true);
  });

  it.each(["(", "[[:alpha:]]", "a\\z", "\\pL", "\\QaE", "(?P<x>a)", "a(?i)b", "(?i:b)"])(
    "refuses %j instead of reading it otherwise than Go does",
    (expression) => {
      expect(() => anywhere(expression)).toThrow("cannot use regular expression");
    },
  );
});
