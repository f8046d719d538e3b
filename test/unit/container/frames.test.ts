import { describe, expect, it } from "vitest";
import { frame, type FrameKind, FrameReader } from "../../../driver/container/frames.ts";
import { failureOf } from "./fixtures.ts";

describe("FrameReader", () => {
  it("push gives the frames back however they were cut", () => {
    const sent: readonly (readonly [FrameKind, string])[] = [
      ["hello", "{}"],
      ["stdout", "a".repeat(1000)],
      ["inputEnd", ""],
      ["exited", "{}"],
    ];
    const bytes = Buffer.concat(sent.map(([kind, payload]) => frame(kind, payload)));
    for (const size of [1, 3, 7, 500, bytes.length]) {
      const got: [FrameKind, string][] = [];
      const reader = new FrameReader((kind, payload) => got.push([kind, payload.toString()]));
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
      expect(got).toEqual(sent);
    }
  });

  it("push refuses what is no frame, and one that is too long", () => {
    const reader = (): FrameReader => new FrameReader(() => undefined);
    const long = Buffer.alloc(5);
    long.writeUInt32BE(2 ** 31, 1);
    for (const bytes of [Buffer.from([99, 0, 0, 0, 0]), long]) {
      expect(
        failureOf(() => {
          reader().push(bytes);
        }).code,
      ).toBe("ERR_DATA_LOSS");
    }
  });
});
