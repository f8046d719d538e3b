import { describe, expect, it } from "vitest";
import { errorLine, exitCodeOf, InterruptedError } from "../../../driver/cli/errors.ts";
import { StorageError } from "../../../driver/base/errors.ts";

describe("errorLine", () => {
  it("errorLine is one line with a hint where one is known", () => {
    const error = new StorageError("ERR_NOT_FOUND", "cannot find image nope");
    expect(errorLine(error)).toBe("laminate: cannot find image nope ('laminate images' lists them)");
  });

  it("errorLine disarms and joins lines of messages from outside", () => {
    expect(errorLine(new Error("bad\n\u001b[31mthing"))).toBe("laminate: bad \\u001b[31mthing");
    expect(errorLine("text")).toBe("laminate: text");
  });

  it("errorLine shows the stack for debugging only", () => {
    expect(errorLine(new Error("x"), { LAMINATE_DEBUG: "1" })).toContain("errors.test.ts");
    expect(errorLine(new Error("x"))).not.toContain("errors.test.ts");
  });
});

describe("exitCodeOf", () => {
  it("exitCodeOf takes what a container's start asks for, 128 + n for signals, else 1", () => {
    expect(exitCodeOf(new StorageError("ERR_NOT_FOUND", "x", { details: { exitCode: 127 } }))).toBe(127);
    expect(exitCodeOf(new InterruptedError(130))).toBe(130);
    expect(exitCodeOf(new StorageError("ERR_INTERNAL", "x"))).toBe(1);
    expect(exitCodeOf(new Error("x"))).toBe(1);
    expect(exitCodeOf("x")).toBe(1);
  });
});
