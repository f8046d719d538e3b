import { describe, expect, test } from "vitest";
import { parseLocator } from "../../../driver/image/sources/locator.ts";

describe("parseLocator", () => {
  test.each([
    ["-", { kind: "stdin" }],
    ["a.tar", { kind: "path", path: "a.tar" }],
    ["./oci:x", { kind: "path", path: "./oci:x" }],
    ["/a/b", { kind: "path", path: "/a/b" }],
    ["oci:/a/b", { kind: "oci", path: "/a/b", name: undefined }],
    ["oci:a:12", { kind: "oci", path: "a", name: "12" }],
    ["oci:a:reg.example:5000/b:c", { kind: "oci", path: "a", name: "reg.example:5000/b:c" }],
    ["oci-archive:a.tar:x", { kind: "oci-archive", path: "a.tar", name: "x" }],
    ["docker-archive:a.tar", { kind: "docker-archive", path: "a.tar", name: undefined }],
    ["docker-archive:a.tar:@1", { kind: "docker-archive", path: "a.tar", name: "@1" }],
  ])("reads %s", (text, expected) => {
    expect(parseLocator(text)).toEqual(expected);
  });

  test.each(["", "oci:", "oci::tag", "oci:dir:", "docker-archive:", "a\0b"])("throws for %j", (text) => {
    expect(() => parseLocator(text)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  });
});
