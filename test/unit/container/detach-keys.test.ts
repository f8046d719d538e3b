import { describe, expect, it } from "vitest";
import { DetachKeys, defaultDetachKeys, parseDetachKeys } from "../../../driver/container/detach-keys.ts";
import { failureOf } from "./fixtures.ts";

function typed(keys: DetachKeys, ...parts: readonly string[]): readonly (readonly [string, boolean])[] {
  return parts.map((part) => {
    const { bytes, isDetach } = keys.read(Buffer.from(part, "latin1"));
    return [Buffer.from(bytes).toString("latin1"), isDetach];
  });
}

describe("DetachKeys", () => {
  it("read finds the keys however they were cut, and passes on what only began like them", () => {
    const keys = (): DetachKeys => new DetachKeys(parseDetachKeys(defaultDetachKeys));
    expect(typed(keys(), "ab\x10\x11cd")).toEqual([["ab", true]]);
    expect(typed(keys(), "a\x10", "\x11")).toEqual([
      ["a", false],
      ["", true],
    ]);
    expect(typed(keys(), "\x10", "x", "\x10\x10\x11")).toEqual([
      ["", false],
      ["\x10x", false],
      ["\x10", true],
    ]);
  });

  it("parseDetachKeys takes letters and ctrl- with one, or nothing, and refuses the rest", () => {
    expect([...parseDetachKeys("a,ctrl-@,ctrl-[,ctrl-_")]).toEqual([0x61, 0, 0x1b, 0x1f]);
    expect(typed(new DetachKeys(parseDetachKeys("")), "\x10\x11")).toEqual([["\x10\x11", false]]);
    for (const wrong of ["ctrl-", "ctrl-pq", "ab", "ctrl-1", "a,,b"]) {
      expect(failureOf(() => parseDetachKeys(wrong)).code).toBe("ERR_INVALID_ARGUMENT");
    }
  });
});
