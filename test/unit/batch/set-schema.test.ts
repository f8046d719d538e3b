/** The published JSON Schema and the parser say the same of a set. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readImageSet } from "../../../driver/batch/sets/read-set.ts";

type Validate = (value: unknown) => boolean;
// ESLint brings a validator along.
const require = createRequire(createRequire(import.meta.url).resolve("eslint/package.json"));
const Ajv = require("ajv") as new (options: object) => { compile(schema: unknown): Validate };
const schema: unknown = JSON.parse(
  readFileSync(new URL("../../../driver/batch/sets/image-set.schema.json", import.meta.url), "utf8"),
);
const isValid = new Ajv({ schemaId: "auto" }).compile(schema);

const isRead = (text: string): Promise<boolean> =>
  readImageSet(["-"], { stdin: Readable.from([Buffer.from(text)]), env: {} }).then(
    () => true,
    () => false,
  );

const odd = fc.constantFrom<unknown>(null, 7, true, "", [], {}, ["x"], { image: "a" });

/** Sets that are right, or with something wrong here and there. */
function sets(hasFaults: boolean): fc.Arbitrary<unknown> {
  const perhaps = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    hasFaults ? fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: odd }) : value;
  const map = (
    keys: Record<string, fc.Arbitrary<unknown>>,
    required: readonly string[] = [],
  ): fc.Arbitrary<unknown> => {
    const fields = Object.entries(keys).map(([key, value]) => [key, perhaps(value)] as const);
    return perhaps(fc.record(Object.fromEntries(fields), { requiredKeys: hasFaults ? [] : [...required] }));
  };
  const platform = fc.constantFrom("linux/amd64", "arm64", "linux/arm/v7", ...(hasFaults ? ["linux/", "a/b/c/d"] : []));
  const source = fc.constantFrom("debian:12", "h:5000/a/b", "oci:dir:tag", "./x.tar");
  const expressions = fc.array(perhaps(fc.constantFrom("1", "v[0-9]+")), { maxLength: 2 });
  const digest = fc.constantFrom(`sha256:${"a".repeat(64)}`, ...(hasFaults ? ["sha256:a"] : []));
  const tags = fc.array(perhaps(fc.constant("t:1")), { maxLength: 2 });
  const image = map({ image: fc.constantFrom("debian", "a/b:1"), digest, tags, platform }, ["image"]);
  const repository = map(
    {
      repository: fc.constantFrom("debian", "h/a"),
      include: expressions,
      exclude: expressions,
      semver: fc.constant([">=1"]),
    },
    ["repository"],
  );
  const text = fc.constant("x");
  const registry = map({
    username: text,
    password: text,
    "tls-verify": fc.boolean(),
    ...(hasFaults && { user: text }),
  });
  return map(
    {
      laminate: fc.constant(1),
      platform,
      registries: fc.dictionary(fc.constantFrom("a", "b:1"), registry, { maxKeys: 2 }),
      images: fc.array(perhaps(fc.oneof(source, image)), { maxLength: 3 }),
      repositories: fc.array(repository, { maxLength: 2 }),
    },
    ["laminate"],
  );
}

describe("image-set.schema.json", () => {
  it("takes the sets that readImageSet takes, and no others", async () => {
    const counts = { taken: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.oneof(sets(false), sets(true)), fc.boolean(), async (value, asJson) => {
        // Without the version it is some other tool's file, or nobody's.
        fc.pre(typeof value === "object" && value !== null && "laminate" in value);
        const text = asJson ? JSON.stringify(value, null, 1) : stringify(value);
        counts[isValid(value) ? "taken" : "refused"]++;
        expect(await isRead(text)).toBe(isValid(value));
      }),
      { numRuns: 300 },
    );
    expect(Math.min(counts.taken, counts.refused)).toBeGreaterThan(20);
  });

  it("refuses an unknown key at every level", () => {
    for (const wrong of [
      { laminate: 1, x: 1 },
      { laminate: 1, images: [{ image: "a", x: 1 }] },
      { laminate: 1, repositories: [{ repository: "a", x: 1 }] },
      { laminate: 1, registries: { h: { x: 1 } } },
    ]) {
      expect(isValid(wrong)).toBe(false);
    }
  });
});
