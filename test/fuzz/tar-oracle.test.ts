/** Random well-formed archives: the same entries as tar-stream finds, in one piece and cut anywhere, on both cores. */
import fc from "fast-check";
import { extract } from "tar-stream";
import { expect, test } from "vitest";
import { cleanPath } from "../../driver/tar/clean-path.ts";
import { compileCore, createCore } from "../../driver/wasm/core.ts";
import { extendedHeader, paxRecord, tar } from "../fixtures/tar-builder.ts";
import type { EntrySpec } from "../fixtures/tar-builder.ts";
import { collectTar } from "../fixtures/tar-collect.ts";
import type { CollectedEntry } from "../fixtures/tar-collect.ts";

const cores = (["plain", "simd"] as const).map((build) => createCore(compileCore(build)));

const typeNames: Record<string, string> = {
  file: "file",
  "contiguous-file": "file",
  link: "hardlink",
  symlink: "symlink",
  "character-device": "char-device",
  "block-device": "block-device",
  directory: "directory",
  fifo: "fifo",
};

/** What both can tell of an entry. */
interface Seen {
  readonly type: string;
  readonly path: string;
  readonly linkTarget: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly data: string;
}

async function readWithTarStream(archive: Uint8Array): Promise<Seen[]> {
  const seen: Seen[] = [];
  const parser = extract();
  parser.end(archive);
  for await (const part of parser) {
    const header = part.header as Omit<typeof part.header, "linkname" | "pax"> & {
      readonly linkname: string | null;
      readonly pax: Record<string, string> | null;
    };
    const { name, linkname, type, mode, uid, gid, pax } = header;
    const chunks: Buffer[] = [];
    for await (const chunk of part as AsyncIterable<Buffer>) chunks.push(chunk);
    const link = linkname ?? "";
    seen.push({
      type: typeNames[type] ?? "unknown",
      path: Buffer.from(cleanPath(latin1(name), 1000), "latin1").toString("utf8"),
      linkTarget: type === "link" ? utf8(cleanPath(latin1(link), 1000)) : type === "symlink" ? link : "",
      mode: mode & 0o7777,
      // It leaves the owner in the records.
      uid: Number(pax?.["uid"] ?? uid),
      gid: Number(pax?.["gid"] ?? gid),
      data: Buffer.concat(chunks).toString("base64"),
    });
  }
  return seen;
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function seenOf({ type, path, linkTarget, mode, uid, gid, stored }: CollectedEntry): Seen {
  return { type, path: utf8(path), linkTarget: utf8(linkTarget), mode, uid, gid, data: stored.toString("base64") };
}

const component = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...Array.from("abcXYZ.-_ 019\n=")) }),
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...Array.from("äß漢🚀é")) }),
  fc.string({ minLength: 90, maxLength: 200, unit: fc.constantFrom(...Array.from("ab")) }),
);
const path = fc
  .array(component, { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map((part) => part.replace(/^\.{1,2}$/, "dots")).join("/"));
const id = fc.oneof(fc.nat(0o7777777), fc.constantFrom(0, 0o7777777, 0o10000000, 4_294_967_294));
const format = fc.constantFrom("pax" as const, "gnu" as const);
const common = { path, format, mode: fc.nat(0o7777), uid: id, gid: id };
const spec: fc.Arbitrary<EntrySpec> = fc.oneof(
  fc.record({ ...common, type: fc.constant("file" as const), data: fc.uint8Array({ maxLength: 1600 }) }),
  fc.record({ ...common, path: path.map((name) => `${name}/`), type: fc.constant("directory" as const) }),
  fc.record({ ...common, type: fc.constantFrom("symlink" as const, "hardlink" as const), linkTarget: path }),
  fc.record({ ...common, type: fc.constantFrom("fifo" as const, "char-device" as const), devMajor: fc.nat(255) }),
  fc.record({
    path,
    data: fc.uint8Array({ maxLength: 600 }),
    pax: fc.record({ mtime: fc.constant("12.5"), comment: component }),
  }),
);
const global = component.map((comment) => extendedHeader(paxRecord("comment", comment), "g"));
const archives = fc
  .array(fc.oneof({ weight: 9, arbitrary: spec }, { weight: 1, arbitrary: global }), { maxLength: 8 })
  .map((parts) => tar(parts));

test("TarReader finds what tar-stream finds", async () => {
  const property = fc.asyncProperty(
    archives,
    fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1 }),
    async (archive, pieces) => {
      const expected = await readWithTarStream(archive);
      for (const core of cores) {
        const whole = collectTar(archive, { core });
        expect(whole.map(seenOf)).toEqual(expected);
        expect(collectTar(archive, { core, pieces })).toEqual(whole);
        expect(collectTar(archive, { core, pieces: [1] })).toEqual(whole);
      }
    },
  );
  await fc.assert(property, { numRuns: 150 });
});
