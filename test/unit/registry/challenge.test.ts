import { describe, expect, it } from "vitest";
import { parseChallenges } from "../../../driver/registry/challenge.ts";

function plain(header: string | readonly string[] | undefined): unknown {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe("parseChallenges", () => {
  it("reads schemes, quoted and bare values, and several challenges in one header or many", () => {
    expect(
      plain('Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push"'),
    ).toEqual([
      ["bearer", { realm: "https://auth.example/token", service: "r.example", scope: "repository:a/b:pull,push" }],
    ]);
    expect(plain('Basic realm="a \\"b\\" c", Bearer realm=x')).toEqual([
      ["basic", { realm: 'a "b" c' }],
      ["bearer", { realm: "x" }],
    ]);
    expect(plain(["Negotiate", 'Basic realm="x"'])).toEqual([
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ]);
  });

  it("ends where nothing can be read, however long it is", () => {
    expect(plain(undefined)).toEqual([]);
    expect(plain('="x"')).toEqual([]);
    const endless = parseChallenges(`Bearer realm="${"\\\\".repeat(100_000)}`);
    expect(endless.every(({ parameters }) => parameters.size === 0)).toBe(true);
  });
});
