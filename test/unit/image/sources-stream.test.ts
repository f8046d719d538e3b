import { execFileSync, spawn } from "node:child_process";
import { createWriteStream, existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { buildDockerArchive, buildImage, buildOciArchive } from "../../fixtures/image-builder.ts";
import { bytesAt, demo, firstPath, freshDir, openSource } from "./source-fixtures.ts";

const built = buildImage(demo);
const oci = await buildOciArchive([demo]);
const docker = await buildDockerArchive([demo]);
const skippable = Buffer.from("502a4d180400000061626364", "hex");

/** What `-` reads, in chunks. */
function stream(bytes: Uint8Array, step = 1000): AsyncIterable<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) chunks.push(bytes.subarray(at, at + step));
  return Readable.from(chunks, { objectMode: false });
}

function fileOf(bytes: Uint8Array): string {
  const path = join(freshDir(), "archive");
  writeFileSync(path, bytes);
  return path;
}

describe("openImageSource on archives that cannot be read in place", () => {
  test.each<[string, Uint8Array]>([
    ["gzip", gzipSync(oci)],
    [
      "gzip in several members",
      Buffer.concat([gzipSync(oci.subarray(0, 3000)), gzipSync(""), gzipSync(oci.subarray(3000))]),
    ],
    ["zstd", zstdCompressSync(oci)],
    [
      "zstd in several frames",
      Buffer.concat([
        skippable,
        zstdCompressSync(oci.subarray(0, 3000)),
        skippable,
        zstdCompressSync(oci.subarray(3000)),
      ]),
    ],
    ["nothing", oci],
  ])("finds everything, from a file and from a stream: %s", async (_, bytes) => {
    await using fromFile = await openSource(fileOf(bytes));
    await using fromStream = await openSource("-", { stdin: stream(bytes) });
    await using byByte = await openSource("-", { stdin: stream(bytes.subarray(), 1) });
    for (const source of [fromFile, fromStream, byByte]) {
      const [image] = source.images;
      expect(image?.names).toEqual(["docker.io/library/demo:1"]);
      expect(image?.layers.map((layer) => bytesAt(layer.file))).toEqual(
        built.layers.map((layer) => Buffer.from(layer.bytes)),
      );
    }
  });

  test("opens a docker-archive by its transport", async () => {
    await using source = await openSource(`docker-archive:${fileOf(gzipSync(docker))}:demo:1`);
    expect(source.images.map((image) => image.names)).toEqual([["docker.io/library/demo:1"]]);
    await expect(openSource(`docker-archive:${fileOf(gzipSync(oci))}`)).rejects.toThrow(/has no manifest\.json/);
    await expect(openSource(`oci-archive:${fileOf(docker)}`)).rejects.toThrow(/no file oci-layout/);
    await expect(openSource(`oci:${fileOf(oci)}`)).rejects.toThrow(/is not a directory/);
  });

  test("keeps the spool private and removes it when disposed of", async () => {
    const spoolDir = join(freshDir(), "spool");
    {
      await using source = await openSource("-", { stdin: stream(gzipSync(oci)), spoolDir });
      const path = firstPath(source);
      expect(path.startsWith(spoolDir)).toBe(true);
      expect(statSync(path).mode & 0o7777).toBe(0o600);
    }
    expect(readdirSync(spoolDir)).toEqual(["gate.lock"]);
  });

  test("spools nothing for a plain archive in a file", async () => {
    const spoolDir = join(freshDir(), "spool");
    const path = fileOf(oci);
    await using source = await openSource(path, { spoolDir });
    expect(existsSync(spoolDir)).toBe(false);
    expect(firstPath(source)).toBe(path);
  });

  test("gives the path of the file itself when it is opened through a symbolic link", async () => {
    const path = fileOf(oci);
    symlinkSync(path, `${path}.link`);
    await using source = await openSource(`${path}.link`);
    expect(firstPath(source)).toBe(path);
  });

  test.each<[string, Uint8Array, string, RegExp]>([
    ["a cut gzip", gzipSync(oci).subarray(0, -9), "ERR_DATA_LOSS", /unexpected end of file/],
    ["a damaged gzip", Buffer.concat([gzipSync(oci).subarray(0, 200), Buffer.alloc(2000, 0xff)]), "ERR_DATA_LOSS", /./],
    ["a cut zstd", zstdCompressSync(oci).subarray(0, -9), "ERR_DATA_LOSS", /cut short/],
    [
      "zstd with garbage behind it",
      Buffer.concat([zstdCompressSync(oci), Buffer.from("garbage")]),
      "ERR_DATA_LOSS",
      /bytes that are no frame/,
    ],
    ["a gzip of a cut tar", gzipSync(oci.subarray(0, 2600)), "ERR_DATA_LOSS", /Unexpected end of data/],
    ["a gzip of no tar", gzipSync(Buffer.alloc(5000, "x")), "ERR_DATA_LOSS", /Invalid tar header/],
    [
      "xz",
      Buffer.from("fd377a585a000004", "hex"),
      "ERR_UNIMPLEMENTED",
      /compressed with xz; decompress it first \(unxz\)/,
    ],
    ["bzip2", Buffer.from("BZh91AY&SY"), "ERR_UNIMPLEMENTED", /bunzip2/],
    ["nothing at all", Buffer.alloc(0), "ERR_INVALID_ARGUMENT", /it is empty/],
    ["an archive of nothing", gzipSync(Buffer.alloc(10240)), "ERR_INVALID_ARGUMENT", /it holds nothing/],
  ])("throws for %s and leaves nothing behind", async (_, bytes, code, message) => {
    for (const locator of [fileOf(bytes), "-"]) {
      const spoolDir = join(freshDir(), "spool");
      const opened = openSource(locator, { spoolDir, stdin: stream(bytes) });
      await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
      expect(existsSync(spoolDir) ? readdirSync(spoolDir) : []).not.toContainEqual(
        expect.stringMatching(/^[0-9a-f]{32}$/),
      );
    }
  });

  test.each<[string, Uint8Array, string]>([
    ["a plain archive that is cut", oci.subarray(0, 2600), "ERR_DATA_LOSS"],
    ["a plain file that is no tar", Buffer.alloc(5000, "x"), "ERR_"],
  ])("throws for %s", async (_, bytes, code) => {
    await expect(openSource(fileOf(bytes))).rejects.toMatchObject({ code: expect.stringContaining(code) as string });
  });

  test("ends at once, and leaves nothing behind, when aborted while the stream is silent", async () => {
    const spoolDir = join(freshDir(), "spool");
    const silent = new Readable({
      read: () => undefined,
    });
    silent.push(oci.subarray(0, 4000));
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort();
    }, 50);
    const started = performance.now();
    await expect(openSource("-", { stdin: silent, spoolDir, signal: controller.signal })).rejects.toThrow(/abort/);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(silent.destroyed).toBe(true);
    expect(readdirSync(spoolDir)).toEqual(["gate.lock"]);
    await expect(openSource("-", { stdin: silent, signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });

  test("reads a FIFO and refuses devices", async () => {
    const fifo = join(freshDir(), "fifo");
    execFileSync("mkfifo", [fifo]);
    const writing = pipeline(Readable.from([gzipSync(oci)]), createWriteStream(fifo));
    await using source = await openSource(fifo);
    await writing;
    expect(source.images).toHaveLength(1);
    await expect(openSource("/dev/zero")).rejects.toThrow(/neither a file, a directory nor a pipe/);
  });

  test("throws when the spool directory cannot be made", async () => {
    const spoolDir = join(fileOf(oci), "spool");
    await expect(openSource("-", { stdin: stream(oci), spoolDir })).rejects.toMatchObject({ name: "StorageError" });
  });
});

describe("openImageSource on standard input", () => {
  const script = `
    const { openImageSource } = await import(${JSON.stringify(join(import.meta.dirname, "../../../driver/image/sources/open-source.ts"))});
    try {
      await using source = await openImageSource("-", { spoolDir: process.argv[1] });
      console.log(source.images[0].names[0], source.images[0].layers[0].file.path);
    } catch (error) {
      console.log(error.code, error.message);
    }`;
  const run = async (command: string, spoolDir: string): Promise<string> => {
    const shell = spawn("sh", ["-c", command, "sh", process.execPath, script, spoolDir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    return Buffer.concat((await shell.stdout.toArray()) as Buffer[]).toString();
  };
  const node = '"$1" --input-type=module --eval "$2" "$3"';

  test("spools a pipe", async () => {
    const spoolDir = join(freshDir(), "spool");
    const output = await run(`cat '${fileOf(oci)}' | ${node}`, spoolDir);
    expect(output).toMatch(/^docker\.io\/library\/demo:1 /);
    expect(output).toContain(spoolDir);
  });

  test("reads a plain archive in place that is redirected from a file", async () => {
    const path = fileOf(oci);
    expect(await run(`${node} < '${path}'`, "/nonexistent/x")).toBe(`docker.io/library/demo:1 ${path}\n`);
  });

  test("refuses a device", async () => {
    expect(await run(`${node} < /dev/zero`, "/nonexistent/x")).toMatch(/^ERR_INVALID_ARGUMENT .*it is a device/);
  });
});
