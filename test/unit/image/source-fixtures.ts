import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import {
  type FileSlice,
  type ImageSource,
  type SourceLayer,
  isRemote,
} from "../../../driver/image/sources/image-source.ts";
import { openImageSource, type OpenSourceOptions } from "../../../driver/image/sources/open-source.ts";
import { buildTar, type FixtureImage } from "../../fixtures/image-builder.ts";

const dirs: string[] = [];

afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A directory that goes after the test. */
export function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "laminate-source-"));
  dirs.push(dir);
  return dir;
}

export function openSource(locator: string, options: Partial<OpenSourceOptions> = {}): Promise<ImageSource> {
  return openImageSource(locator, { spoolDir: join(freshDir(), "spool"), ...options });
}

function sliceOf(file: SourceLayer["file"]): FileSlice {
  if (isRemote(file)) throw new Error("the layer has yet to be fetched");
  return file;
}

/** The file that the first layer lies in. */
export function firstPath({ images }: ImageSource): string {
  const file = images[0]?.layers[0]?.file;
  return file === undefined ? "" : sliceOf(file).path;
}

/** What a worker would read. */
export function bytesAt(file: SourceLayer["file"]): Buffer {
  const { path, offsetBytes, sizeBytes } = sliceOf(file);
  const bytes = Buffer.alloc(sizeBytes);
  const fd = openSync(path, "r");
  readSync(fd, bytes, 0, sizeBytes, offsetBytes);
  closeSync(fd);
  return bytes;
}

export const tarA: Buffer = await buildTar([{ name: "a", content: "hello" }]);
export const tarB: Buffer = await buildTar([{ name: "b", content: "x".repeat(100_000) }]);

/** Three layers, one in each compression. */
export const demo: FixtureImage = {
  layers: [{ tar: tarA }, { tar: tarB, compression: "zstd" }, { tar: tarA, compression: "none" }],
  names: ["docker.io/library/demo:1"],
};
