/** Random stacks of layers: an overlay mount, a merged copy and the model must show the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../driver/base/errors.ts";
import { tar, type EntrySpec } from "../fixtures/tar-builder.ts";
import { needRoot } from "../need.ts";
import { applyLayers, ModelFailure, readEntries } from "../suites/layer-model.ts";
import { copyLines, overlayLines, type Marks } from "../suites/layer-stack.ts";
import { describeTree } from "../suites/model-tree.ts";

const alphabet = process.env["LAMINATE_STACK_NAMES"] ?? "a,b,c";
const names = fc.constantFrom(...alphabet.split(","));
const paths = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const mtimes = fc.bigInt({ min: -5_000_000_000n, max: 2_000_000_000_000_000_000n });
const attributes = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2750, 0o1777, 0o400),
  uid: fc.constantFrom(0, 1, 70_000),
  gid: fc.constantFrom(0, 2),
  mtimeNs: mtimes,
});
const xattrs = fc.constantFrom({}, { "user.a": "1" }, { "user.b": "2", "security.capability": capability() });

const targets = fc.oneof(
  paths,
  paths.map((path) => `/${path}`),
  paths.map((path) => `../${path}`),
  fc.tuple(paths, paths).map(([first, second]) => `${first}/../${second}`),
  fc.constantFrom("/", ".", "..", "nowhere"),
);

const entries: fc.Arbitrary<EntrySpec> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(paths, attributes, xattrs, fc.constantFrom("", "x", "yy")).map(fileSpec) },
  { weight: 4, arbitrary: fc.tuple(paths, attributes, xattrs).map(([path, rest, x]) => dirSpec(path, rest, x)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(paths, targets, mtimes)
      .map(([path, linkTarget, mtimeNs]) => symlinkSpec(path, linkTarget, mtimeNs)),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(paths, paths).map(([path, linkTarget]) => ({ path, type: "hardlink" as const, linkTarget })),
  },
  { weight: 3, arbitrary: paths.map((path) => ({ path: path.replace(/[^/]+$/, ".wh.$&") })) },
  {
    weight: 2,
    arbitrary: fc
      .oneof(
        paths.map((path) => `${path}/`),
        fc.constant(""),
      )
      .map((dir) => ({ path: `${dir}.wh..wh..opq` })),
  },
  { weight: 1, arbitrary: paths.map((path) => ({ path, type: "fifo" as const, mode: 0o600 })) },
  { weight: 1, arbitrary: attributes.map((rest) => dirSpec("./", rest, {})) },
);

function fileSpec([path, rest, x, data]: readonly [
  string,
  object,
  Record<string, string | Buffer>,
  string,
]): EntrySpec {
  return { path, data, xattrs: x, ...rest };
}

function dirSpec(path: string, rest: object, x: Record<string, string | Buffer>): EntrySpec {
  return { path, type: "directory", xattrs: x, ...rest };
}

function symlinkSpec(path: string, linkTarget: string, mtimeNs: bigint): EntrySpec {
  return { path, type: "symlink", linkTarget, mtimeNs };
}

/** cap_net_raw+ep, version 2. */
function capability(): Buffer {
  return Buffer.from("0100000200200000000000000000000000000000", "hex");
}

const stacks = fc.array(fc.array(entries, { minLength: 1, maxLength: 7 }), { minLength: 1, maxLength: 4 });

function orFailure(lines: () => string[]): string[] {
  try {
    return lines();
  } catch (error) {
    if (error instanceof ModelFailure || (error instanceof StorageError && error.code === "ERR_INVALID_ARGUMENT")) {
      return ["fails"];
    }
    throw error;
  }
}

/** The longest part of the stack, from below, that means something; layers that fail are left out. */
function meaningful(stack: readonly (readonly EntrySpec[])[]): { tars: Buffer[]; failing: Buffer[][] } {
  const tars: Buffer[] = [];
  const failing: Buffer[][] = [];
  for (const layer of stack) {
    const bytes = tar(layer);
    const candidate = [...tars, bytes];
    if (orFailure(() => describeTree(applyLayers(candidate.map(readEntries))))[0] === "fails") {
      failing.push(candidate);
    } else {
      tars.push(bytes);
    }
  }
  return { tars, failing };
}

const runs = Number(process.env["LAMINATE_STACK_RUNS"] ?? "150");
const seed = process.env["LAMINATE_STACK_SEED"];

describe.skipIf(needRoot().missing)("random stacks of layers", () => {
  it("show the same as an overlay mount, as a merged tree and as the model", { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(stacks, fc.constantFrom<Marks>("written", "listed"), (stack, marks) => {
        const { tars, failing } = meaningful(stack);
        const expected = describeTree(applyLayers(tars.map(readEntries)));
        if (tars.length > 0) {
          expect(copyLines(tars)).toEqual(expected);
          expect(overlayLines(tars, marks)).toEqual(expected);
        }
        for (const candidate of failing) {
          expect(orFailure(() => copyLines(candidate))).toEqual(["fails"]);
          expect(orFailure(() => overlayLines(candidate, marks))).toEqual(["fails"]);
        }
      }),
      { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    );
  });
});
