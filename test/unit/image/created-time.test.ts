import { describe, expect, it } from "vitest";
import { createdTime, sourceDateEpoch } from "../../../driver/image/created-time.ts";

describe("createdTime", () => {
  it.each([
    [undefined, 1_000_000_000_946_380_930n, "2001-09-09T01:46:40.94638093Z"],
    [undefined, 1_000_000_000_000_000_001n, "2001-09-09T01:46:40.000000001Z"],
    [undefined, 1_000_000_000_000_000_000n, "2001-09-09T01:46:40Z"],
    [0n, 1_000_000_000_946_380_930n, "1970-01-01T00:00:00Z"],
  ])("of epoch %s at %s ns is %s", (epoch, nowNs, text) => {
    expect(createdTime(epoch, nowNs)).toBe(text);
  });
});

describe("sourceDateEpoch", () => {
  it("is nothing where it is not set", () => {
    expect([sourceDateEpoch(undefined), sourceDateEpoch("")]).toEqual([undefined, undefined]);
  });

  it("refuses what is not a number of seconds, or too many", () => {
    for (const value of ["-1", "1.5", "now", "999999999999"]) {
      expect(() => sourceDateEpoch(value)).toThrow("SOURCE_DATE_EPOCH");
    }
  });
});
