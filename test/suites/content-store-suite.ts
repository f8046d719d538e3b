/** What every content store promises; run against each implementation. */
import { hash, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Digest } from "../../driver/base/digest.ts";
import type { ContentStore } from "../../driver/content/content-store.ts";
import type { Descriptor } from "../../driver/oci/descriptor.ts";

const mediaType = "application/octet-stream";

export function describedBytes(text: string): { bytes: Uint8Array; descriptor: Descriptor } {
  const bytes = Buffer.from(text);
  const digest = `sha256:${hash("sha256", bytes)}` as Digest;
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
}

/** @param open gives a fresh, empty store. */
export function contentStoreSuite(name: string, open: () => Promise<ContentStore>): void {
  const { bytes, descriptor } = describedBytes("some bytes");
  const { digest } = descriptor;
  const written = { digest, sizeBytes: bytes.length };

  describe(`${name} as a content store`, () => {
    test("readSmall gives back what writeBlob stored", async () => {
      const store = await open();
      expect(await store.has(digest)).toBe(false);
      expect(await store.writeBlob(bytes, { expected: descriptor })).toEqual(written);
      expect(await store.has(digest)).toBe(true);
      expect(await store.info(digest)).toEqual(written);
      expect(Buffer.from(await store.readSmall(descriptor))).toEqual(bytes);
    });

    test("writeBlob succeeds when the blob exists, and stores empty ones", async () => {
      const store = await open();
      await store.writeBlob(bytes);
      await store.writeBlob(bytes);
      const empty = describedBytes("");
      await store.writeBlob(empty.bytes, { expected: empty.descriptor });
      expect(await store.readSmall(empty.descriptor)).toHaveLength(0);
      expect(await store.list()).toHaveLength(2);
    });

    test("writeBlob stores nothing when the bytes are not what is expected", async () => {
      const store = await open();
      const other = describedBytes("same size!").descriptor;
      await expect(store.writeBlob(bytes, { expected: { ...descriptor, size: 3 } })).rejects.toMatchObject({
        code: "ERR_DATA_LOSS",
        details: { expected: 3, actual: bytes.length },
      });
      await expect(store.writeBlob(bytes, { expected: other })).rejects.toMatchObject({
        code: "ERR_DATA_LOSS",
        details: { expected: other.digest, actual: digest },
      });
      expect(await store.list()).toEqual([]);
    });

    test("info and readSmall throw ERR_NOT_FOUND for a blob that is not there", async () => {
      const store = await open();
      await expect(store.info(digest)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
      await expect(store.readSmall(descriptor)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    });

    test("readSmall refuses what is larger than its limit before reading it", async () => {
      const store = await open();
      await store.writeBlob(bytes);
      await expect(store.readSmall(descriptor, 9)).rejects.toMatchObject({ code: "ERR_RESOURCE_EXHAUSTED" });
      await expect(store.readSmall({ ...descriptor, size: 2 ** 40 })).rejects.toMatchObject({
        code: "ERR_RESOURCE_EXHAUSTED",
      });
    });

    test("readSmall refuses a descriptor of another size", async () => {
      const store = await open();
      await store.writeBlob(bytes);
      await expect(store.readSmall({ ...descriptor, size: 9 })).rejects.toMatchObject({ code: "ERR_DATA_LOSS" });
    });

    test("an ingest is invisible until it is committed", async () => {
      const store = await open();
      await using ingest = await store.startIngest("layer");
      await writeFile(ingest.path, bytes);
      expect(await store.has(digest)).toBe(false);
      expect(await store.list()).toEqual([]);
      await store.commitIngest(ingest.path, written, descriptor);
      expect(Buffer.from(await store.readSmall(descriptor))).toEqual(bytes);
    });

    test("commitIngest throws ERR_DATA_LOSS when the file is not as long as was written", async () => {
      const store = await open();
      await using ingest = await store.startIngest("layer");
      await writeFile(ingest.path, bytes.subarray(1));
      await expect(store.commitIngest(ingest.path, written, descriptor)).rejects.toMatchObject({
        code: "ERR_DATA_LOSS",
        details: { expected: bytes.length, actual: bytes.length - 1 },
      });
      expect(await store.has(digest)).toBe(false);
    });

    test("commitIngest compares the size before the digest, and names the descriptor", async () => {
      const store = await open();
      await using ingest = await store.startIngest("layer");
      await writeFile(ingest.path, bytes);
      const expected = describedBytes("something longer").descriptor;
      const failed = expect(store.commitIngest(ingest.path, written, expected)).rejects;
      await failed.toThrow(`cannot trust ${mediaType} ${expected.digest}: it has 10 bytes, expected 16`);
      expect(await store.list()).toEqual([]);
    });

    test("startIngest gives a ref to one writer at a time", async () => {
      const store = await open();
      const first = await store.startIngest("../../odd ref\0/");
      await writeFile(first.path, "left over");
      await expect(store.startIngest("../../odd ref\0/")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
      await using other = await store.startIngest("other");
      expect(other.path).not.toBe(first.path);
      await first[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
      await using second = await store.startIngest("../../odd ref\0/");
      await store.commitIngest(second.path, { digest: describedBytes("").descriptor.digest, sizeBytes: 0 });
    });

    test("delete removes a blob once", async () => {
      const store = await open();
      await store.writeBlob(bytes);
      expect(await store.delete(digest)).toBe(true);
      expect(await store.delete(digest)).toBe(false);
      expect(await store.has(digest)).toBe(false);
    });

    test("list is in order of digest", async () => {
      const store = await open();
      await Promise.all(Array.from({ length: 20 }, (_, i) => store.writeBlob(Buffer.from(`blob ${i}`))));
      const listed = (await store.list()).map((info) => info.digest);
      expect(listed).toHaveLength(20);
      expect(listed).toEqual(Array.from(listed).sort());
    });

    test("the same blob written by many at once is there whole", async () => {
      const store = await open();
      await Promise.all(Array.from({ length: 16 }, () => store.writeBlob(bytes, { expected: descriptor })));
      expect(Buffer.from(await store.readSmall(descriptor))).toEqual(bytes);
      expect(await store.list()).toHaveLength(1);
    });

    test("readIndex gives what writeIndex wrote, the last one whole", async () => {
      const store = await open();
      expect(await store.readIndex()).toEqual([]);
      const named = (tag: string): Descriptor => ({
        ...descriptor,
        annotations: { "org.opencontainers.image.ref.name": tag },
      });
      await store.writeIndex(() => [named("a"), named("b")]);
      expect(await store.readIndex()).toEqual([named("a"), named("b")]);
      let inside = 0;
      await Promise.all(
        Array.from({ length: 8 }, () =>
          store.writeIndex(async () => {
            expect(++inside).toBe(1);
            await new Promise((resolve) => setTimeout(resolve, 2));
            inside--;
            return [named(randomUUID())];
          }),
        ),
      );
      expect(await store.readIndex()).toHaveLength(1);
    });

    test("writeIndex keeps the old index, and lets others write, when its maker throws", async () => {
      const store = await open();
      await store.writeIndex(() => [descriptor]);
      await expect(store.writeIndex(() => Promise.reject(new TypeError("no")))).rejects.toThrow("no");
      expect(await store.readIndex()).toEqual([descriptor]);
      await store.writeIndex(() => []);
      expect(await store.readIndex()).toEqual([]);
    });
  });
}
