import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { DiffId } from "../../../driver/base/digest.ts";
import { chainIds } from "../../../driver/oci/chain-id.ts";

const a = `sha256:${"a".repeat(64)}` as DiffId;
const b = `sha256:${"b".repeat(64)}` as DiffId;

describe("chainIds", () => {
  test("is empty for an image without layers", () => {
    expect(chainIds([])).toEqual([]);
  });

  test("is the diffID for the lowest layer and depends on the order above it", () => {
    const both = createHash("sha256").update(`${a} ${b}`).digest("hex");
    expect(chainIds([a, b])).toEqual([a, `sha256:${both}`]);
    expect(chainIds([b, a])[1]).not.toBe(`sha256:${both}`);
  });

  test("builds on the chainID, not on the diffID, of the layer below", () => {
    const third = createHash("sha256")
      .update(`${String(chainIds([a, b])[1])} ${a}`)
      .digest("hex");
    expect(chainIds([a, b, a])[2]).toBe(`sha256:${third}`);
  });
});
