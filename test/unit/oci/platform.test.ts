import { describe, expect, test } from "vitest";
import {
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformDistance,
} from "../../../driver/oci/platform.ts";

describe("parsePlatform", () => {
  test.each([
    ["linux/amd64", "linux/amd64"],
    ["linux/x86_64", "linux/amd64"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm64/v9", "linux/arm64/v9"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/6", "linux/arm/v6"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/i686", "linux/386"],
    ["Linux/AMD64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3"],
    ["arm64", "linux/arm64"],
    ["windows/amd64", "windows/amd64"],
  ])("reads %s as %s", (text, expected) => {
    expect(formatPlatform(parsePlatform(text))).toBe(expected);
  });

  test.each(["", "/", "linux/", "a/b/c/d", "linux/am d64", "linux/amd64\n", "../x/y", "a".repeat(65)])(
    "throws ERR_INVALID_ARGUMENT for %j",
    (text) => {
      expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
    },
  );
});

describe("platformDistance", () => {
  const distance = (wanted: string, offered: string): number | undefined =>
    platformDistance(parsePlatform(wanted), parsePlatform(offered));

  test("is 0 for the same platform however it is spelled", () => {
    expect(distance("linux/arm64", "linux/aarch64/v8")).toBe(0);
  });

  test("prefers newer variants that still run", () => {
    expect(distance("linux/arm/v7", "linux/arm/v6")).toBe(1);
    expect(distance("linux/arm/v7", "linux/arm/v5")).toBe(2);
    expect(distance("linux/amd64/v3", "linux/amd64")).toBe(2);
  });

  test("is undefined for what does not run", () => {
    expect(distance("linux/arm/v6", "linux/arm/v7")).toBeUndefined();
    expect(distance("linux/amd64", "linux/amd64/v3")).toBeUndefined();
    expect(distance("linux/amd64", "linux/arm64")).toBeUndefined();
    expect(distance("linux/amd64", "windows/amd64")).toBeUndefined();
    expect(platformDistance(parsePlatform("linux/amd64"), { os: "", architecture: "" })).toBeUndefined();
  });
});

describe("hostPlatform", () => {
  test("speaks Go's names", () => {
    expect(hostPlatform("x64")).toEqual({ os: "linux", architecture: "amd64" });
    expect(hostPlatform("arm64")).toEqual({ os: "linux", architecture: "arm64" });
    expect(hostPlatform("arm")).toEqual({ os: "linux", architecture: "arm", variant: "v7" });
    expect(hostPlatform("ppc64")).toEqual({ os: "linux", architecture: "ppc64le" });
  });
});

describe("normalizePlatform", () => {
  test("leaves names alone that look like properties of objects", () => {
    expect(normalizePlatform({ os: "linux", architecture: "constructor" })).toEqual({
      os: "linux",
      architecture: "constructor",
    });
  });
});
