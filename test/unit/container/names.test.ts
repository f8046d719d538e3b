import { describe, expect, it } from "vitest";
import { checkName, makeUpName } from "../../../driver/container/names.ts";

describe("names", () => {
  it.each(["ab", "a.b_c-d", "0x", "A1"])("checkName takes %j", (name) => {
    expect(() => {
      checkName(name);
    }).not.toThrow();
  });

  it.each(["", "a", "-a", ".a", "a b", "a/b", "../x", "a\n", "é1", "a".repeat(256)])("checkName refuses %j", (name) => {
    expect(() => {
      checkName(name);
    }).toThrow(/cannot name a container/);
  });

  it("makeUpName gives valid names, numbered when many attempts were taken", () => {
    for (let attempt = 0; attempt < 20; attempt++) {
      const name = makeUpName(attempt);
      expect(name).toMatch(attempt < 2 ? /^[a-z]+_[a-z]+$/ : /^[a-z]+_[a-z]+[0-9]+$/);
      checkName(name);
    }
  });
});
