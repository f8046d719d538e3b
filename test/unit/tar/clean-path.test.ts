import { expect, test } from "vitest";
import { hasCode } from "../../../driver/base/errors.ts";
import { cleanPath } from "../../../driver/tar/clean-path.ts";

test.each([
  ["a", "a"],
  ["a/b", "a/b"],
  ["./a", "a"],
  ["/a", "a"],
  ["//a///b//", "a/b"],
  ["a/./b/.", "a/b"],
  [".", ""],
  ["./", ""],
  ["/", ""],
  ["a/..", ""],
  ["a/../b", "b"],
  ["a/b/../../c", "c"],
  ["..a/b..", "..a/b.."],
  ["...", "..."],
  ["a\\..\\b", "a\\..\\b"],
  ["C:/x", "C:/x"],
  ["caf\u00e9\u00ff", "caf\u00e9\u00ff"],
  ["a\nb", "a\nb"],
  ["x".repeat(255), "x".repeat(255)],
])("cleanPath makes %j into %j", (raw, path) => {
  expect(cleanPath(raw, 10)).toBe(path);
});

test.each(["..", "../a", "/..", "/../a", "a/../..", "a/../../b", "./..", ".//../x", "a/b/../../../c"])(
  "cleanPath refuses %j, which leads out of the root",
  (raw) => {
    expect(() => cleanPath(raw, 10)).toThrow(/cannot read tar entry ".*": the name leads out of the root/);
  },
);

test("cleanPath refuses what no file system can hold", () => {
  expect(() => cleanPath("", 10)).toThrow("the name is empty");
  expect(() => cleanPath("a\0b", 10)).toThrow("NUL");
  expect(() => cleanPath("x".repeat(256), 10)).toThrow("longer than 255");
  const long = `${"x".repeat(255)}/`.repeat(16);
  expect(cleanPath(long, 100)).toHaveLength(4095);
  expect(cleanPath(`${long}/`, 100)).toHaveLength(4095);
  expect(() => cleanPath(`${long}xx`, 100)).toThrow("longer than 4096");
});

test("cleanPath refuses more components than maxDepth", () => {
  expect(cleanPath("a/".repeat(10), 10)).toBe("a/a/a/a/a/a/a/a/a/a");
  const tooDeep = (): string => cleanPath("a/".repeat(11), 10);
  expect(tooDeep).toThrow("over maxDepth (10)");
  expect(tooDeep).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, "ERR_RESOURCE_EXHAUSTED")));
});
