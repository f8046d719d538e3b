import { describe, expect, it } from "vitest";
import {
  type CopySource,
  type CopyTarget,
  isContentPath,
  isDirectoryPath,
  placementOf,
} from "../../../driver/archive/copy-rules.ts";

const file: CopySource = { shown: "web:/a", isDirectory: false, isContent: false, name: "a" };
const directory: CopySource = { shown: "web:/d", isDirectory: true, isContent: false, name: "d" };
const content: CopySource = { ...directory, shown: "web:/d/.", isContent: true };
const target = (kind: CopyTarget["kind"], isMeantDirectory = false): CopyTarget => ({
  shown: "x",
  kind,
  isMeantDirectory,
  name: "x",
});

describe("placementOf", () => {
  it.each([
    ["a file into a directory", file, target("directory"), { where: "inside", name: "a" }],
    ["a file over a file", file, target("other"), { where: "beside", name: "x" }],
    ["a file to a new name", file, target("missing"), { where: "beside", name: "x" }],
    ["a directory into a directory", directory, target("directory"), { where: "inside", name: "d" }],
    ["what is in a directory into a directory", content, target("directory"), { where: "inside", name: "" }],
    ["a directory to a new name", directory, target("missing"), { where: "beside", name: "x" }],
    ["what is in a directory to a new name", content, target("missing"), { where: "beside", name: "x" }],
    ["a directory to a new name with a slash", directory, target("missing", true), { where: "beside", name: "x" }],
  ] as const)("places %s", (_what, source, to, placement) => {
    expect(placementOf(source, to)).toEqual(placement);
  });

  it.each([
    ["a directory over a file", directory, target("other"), "ERR_FAILED_PRECONDITION"],
    ["a file to a file that is meant to be a directory", file, target("other", true), "ERR_FAILED_PRECONDITION"],
    ["a file to a directory that is not there", file, target("missing", true), "ERR_NOT_FOUND"],
  ] as const)("refuses %s", (_what, source, to, code) => {
    expect(() => placementOf(source, to)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe("the end of a path", () => {
  it.each([
    ["/etc/.", true, true],
    [".", true, true],
    ["/etc/", false, true],
    ["/etc", false, false],
    ["/etc/a.", false, false],
    ["/etc/..", false, false],
  ])("%s", (path, isContent, isDirectory) => {
    expect([isContentPath(path), isDirectoryPath(path)]).toEqual([isContent, isDirectory]);
  });
});
