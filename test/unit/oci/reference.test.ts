import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseReference, tryParseReference } from "../../../driver/oci/reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("parseReference", () => {
  test.each([
    ["debian", "docker.io/library/debian:latest", "debian:latest"],
    ["debian:12", "docker.io/library/debian:12", "debian:12"],
    ["docker.io/debian:12", "docker.io/library/debian:12", "debian:12"],
    ["index.docker.io/library/debian:12", "docker.io/library/debian:12", "debian:12"],
    ["grafana/grafana", "docker.io/grafana/grafana:latest", "grafana/grafana:latest"],
    ["library/debian", "docker.io/library/debian:latest", "debian:latest"],
    ["docker.io/library/a/b:1", "docker.io/library/a/b:1", "library/a/b:1"],
    ["localhost/x", "localhost/x:latest", "localhost/x:latest"],
    ["localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"],
    ["ghcr.io/a/b/c:v1.2-x", "ghcr.io/a/b/c:v1.2-x", "ghcr.io/a/b/c:v1.2-x"],
    ["REG/x", "REG/x:latest", "REG/x:latest"],
    ["[2001:db8::1]:5000/x:1", "[2001:db8::1]:5000/x:1", "[2001:db8::1]:5000/x:1"],
    ["127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest"],
    [`debian@${digest}`, `docker.io/library/debian@${digest}`, `debian@${digest}`],
    [`debian:12@${digest}`, `docker.io/library/debian:12@${digest}`, `debian:12@${digest}`],
    ["a__b/c.d-e---f_g", "docker.io/a__b/c.d-e---f_g:latest", "a__b/c.d-e---f_g:latest"],
    [`x:${"t".repeat(128)}`, `docker.io/library/x:${"t".repeat(128)}`, `x:${"t".repeat(128)}`],
    ["x:_UPPER.tag", "docker.io/library/x:_UPPER.tag", "x:_UPPER.tag"],
  ])("reads %s as %s", (text, canonical, familiar) => {
    expect(parseReference(text)).toMatchObject({ canonical, familiar });
  });

  test("splits domain, path, tag and digest", () => {
    expect(parseReference(`reg.example:443/a/b:t@${digest}`)).toEqual({
      domain: "reg.example:443",
      path: "a/b",
      tag: "t",
      digest,
      familiar: `reg.example:443/a/b:t@${digest}`,
      canonical: `reg.example:443/a/b:t@${digest}`,
    });
  });

  test.each([
    "",
    ":",
    ":tag",
    "@",
    "x:",
    "x@",
    "x@sha256:abc",
    `x@sha512:${"a".repeat(128)}`,
    `x@${digest}:tag`,
    "X",
    "x/Y",
    "x/../y",
    "../x",
    "/x",
    "x/",
    "x//y",
    "x y",
    "x\n",
    "x___y",
    "x..y",
    "-x",
    "x-",
    "x:.t",
    "x:-t",
    `x:${"t".repeat(129)}`,
    "x:a/b:c:d",
    "https://x/y",
    "a.b:port/x",
    "-a.b/x",
    "x\0",
    "é",
    `${"a/".repeat(127)}aaaaaaaaaa`,
    "a".repeat(256),
    "a".repeat(10_000),
    "a".repeat(64),
  ])("throws ERR_INVALID_ARGUMENT for %j", (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
    expect(tryParseReference(text)).toBeUndefined();
  });

  test("reads its canonical and familiar forms back to itself", () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}$/);
    const domain = fc.option(fc.stringMatching(/^[a-z]{1,8}\.[a-z]{1,8}(:[0-9]{1,5})?$/), { nil: undefined });
    const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined });
    fc.assert(
      fc.property(domain, fc.array(part, { minLength: 1, maxLength: 4 }), tag, (host, parts, t) => {
        const text = [host, ...parts].filter((each) => each !== undefined).join("/") + (t === undefined ? "" : `:${t}`);
        const parsed = tryParseReference(text);
        fc.pre(parsed !== undefined);
        expect(parseReference(parsed.canonical)).toEqual(parsed);
        expect(parseReference(parsed.familiar)).toEqual(parsed);
      }),
    );
  });

  test("throws nothing but StorageError, in no time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 500 }), (text) => {
        const started = performance.now();
        tryParseReference(text);
        expect(performance.now() - started).toBeLessThan(1000);
      }),
    );
    const started = performance.now();
    expect(() => parseReference("a-".repeat(200))).toThrow();
    expect(performance.now() - started).toBeLessThan(200);
  });
});
