import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ImageSource } from "../../../driver/image/sources/image-source.ts";
import type { OpenSourceOptions } from "../../../driver/image/sources/open-source.ts";
import { parseManifest } from "../../../driver/oci/manifest.ts";
import { hostPlatform } from "../../../driver/oci/platform.ts";
import {
  blobPath,
  buildDockerArchive,
  buildImage,
  dockerFiles,
  encode,
  type FixtureFiles,
  type FixtureImage,
  flipByte,
  layoutFiles,
  packFiles,
  sha256,
} from "../../fixtures/image-builder.ts";
import { bytesAt, demo, freshDir, openSource, tarA, tarB } from "./source-fixtures.ts";

const plain: FixtureImage = {
  layers: [
    { tar: tarA, compression: "none" },
    { tar: tarB, compression: "none" },
  ],
  names: ["demo:1"],
};

/** Writes the archive and opens it; `name` as in docker-archive:FILE:NAME. */
async function open(
  images: readonly FixtureImage[],
  edit?: (files: FixtureFiles) => void,
  { name, ...options }: Partial<OpenSourceOptions> & { readonly name?: string } = {},
): Promise<ImageSource> {
  const path = join(freshDir(), "a.tar");
  writeFileSync(path, await buildDockerArchive(images, edit && { edit }));
  return openSource(name === undefined ? path : `docker-archive:${path}:${name}`, options);
}

function setLayers(files: FixtureFiles, ...layers: unknown[]): void {
  const config = `${buildImage(plain).configDigest.slice(7)}.json`;
  files.set("manifest.json", encode([{ Config: config, RepoTags: ["demo:1"], Layers: layers }]));
}

describe("openImageSource on a docker-archive", () => {
  test("finds config and layers as they are stored", async () => {
    await using source = await open([plain]);
    const built = buildImage(plain);
    const [image] = source.images;
    expect(image?.names).toEqual(["docker.io/library/demo:1"]);
    expect(Buffer.from(image?.config.bytes ?? [])).toEqual(built.configBytes);
    expect(image?.config.descriptor.digest).toBe(built.configDigest);
    expect(image?.layers.map((layer) => bytesAt(layer.file))).toEqual([tarA, tarB]);
  });

  test("knows the digest of plain layers, which is their diffID, and of no others", async () => {
    await using source = await open([demo]);
    const built = buildImage(demo);
    expect(source.images[0]?.layers.map((layer) => layer.descriptor)).toEqual([
      { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: null, size: built.layers[0]?.bytes.length },
      { mediaType: "application/vnd.oci.image.layer.v1.tar+zstd", digest: null, size: built.layers[1]?.bytes.length },
      { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: built.layers[2]?.diffId, size: tarA.length },
    ]);
  });

  test("manifestFor makes the same OCI manifest every time, from what was read", async () => {
    const read = buildImage(demo).layers.map((layer) => layer.descriptor);
    await using one = await open([demo]);
    await using two = await open([demo]);
    const manifest = one.images[0]?.manifestFor(read);
    expect(two.images[0]?.manifestFor(read)).toEqual(manifest);
    expect(manifest?.descriptor.digest).toBe(sha256(manifest?.bytes ?? new Uint8Array()));
    expect(parseManifest(manifest?.bytes ?? new Uint8Array(), manifest?.descriptor)).toMatchObject({
      config: { digest: buildImage(demo).configDigest },
      layers: read,
    });
    expect(() => one.images[0]?.manifestFor(read.slice(1))).toThrow();
    expect(() => one.images[0]?.manifestFor(read.toReversed())).toThrow(
      expect.objectContaining({ code: "ERR_DATA_LOSS" }),
    );
  });

  test("opens images without names, without layers and with several names", async () => {
    await using source = await open([
      { layers: [] },
      { ...plain, names: ["a:1", "docker.io/library/a:1", "reg.example/b:2"] },
    ]);
    expect(source.images.map(({ names, layers }) => [names, layers.length])).toEqual([
      [[], 0],
      [["docker.io/library/a:1", "reg.example/b:2"], 2],
    ]);
  });

  test("opens only the image that was asked for", async () => {
    const images = ["1", "2"].map((tag) => ({
      ...plain,
      names: [`demo:${tag}`, `also:${tag}`],
      config: { Env: [tag] },
    }));
    await using named = await open(images, undefined, { name: "demo:2" });
    expect(named.images.map(({ names, config }) => [names, config.parsed.config?.Env])).toEqual([
      [["docker.io/library/demo:2"], ["2"]],
    ]);
    await using numbered = await open(images, undefined, { name: "@0" });
    expect(numbered.images.map(({ config }) => config.parsed.config?.Env)).toEqual([["1"]]);
    for (const name of ["demo:3", "@2"]) {
      await expect(open(images, undefined, { name })).rejects.toThrow(/it has 2 images, docker\.io\/library\/demo:1/);
    }
  });

  test("takes the platform that was asked for, else the host's, for a name that several images bear", async () => {
    const host = hostPlatform();
    const foreign = { os: "linux", architecture: host.architecture === "s390x" ? "riscv64" : "s390x" };
    const images = [foreign, host, foreign].map((platform) => ({ ...plain, platform }));
    await using local = await open(images);
    expect(local.images.map(({ config }) => config.parsed.architecture)).toEqual([host.architecture]);
    await using asked = await open(images, undefined, { platform: `linux/${foreign.architecture}` });
    expect(asked.images.map(({ config }) => config.parsed.architecture)).toEqual([foreign.architecture]);
    await using only = await open([{ ...plain, platform: foreign }]);
    expect(only.images).toHaveLength(1);
    await expect(open([plain], undefined, { platform: "linux/mips64" })).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
    });
  });

  test("follows the links of old `docker save` inside the archive", async () => {
    const [first, second] = buildImage(plain).layers;
    await using source = await open([plain], (files) => {
      files.set("aa/layer.tar", first?.bytes ?? new Uint8Array());
      files.set("bb/layer.tar", { symlink: "../aa/layer.tar" });
      files.set("./cc/layer.tar", second?.bytes ?? new Uint8Array());
      setLayers(files, "bb/layer.tar", "cc/layer.tar");
    });
    expect(source.images[0]?.layers.map((layer) => bytesAt(layer.file))).toEqual([tarA, tarB]);
  });

  test.each<[string, FixtureFiles]>([
    ["an absolute path", new Map()],
    ["a path out of the archive", new Map()],
    ["a link to the host", new Map([["link", { symlink: "/etc/passwd" }]])],
    ["a link out of the archive", new Map([["link", { symlink: "../../../../etc/passwd" }]])],
    ["a link to itself", new Map([["link", { symlink: "link" }]])],
    [
      "a link in a ring",
      new Map([
        ["link", { symlink: "b" }],
        ["b", { symlink: "link" }],
      ]),
    ],
    ["a link to nothing", new Map([["link", { symlink: "nothing" }]])],
  ])("never takes %s for a layer or a config", async (what, members) => {
    const name = what.startsWith("an absolute")
      ? "/etc/passwd"
      : what.startsWith("a path")
        ? "../../../etc/passwd"
        : "link";
    const add = (files: FixtureFiles): void => {
      for (const [key, file] of members) files.set(key, file);
    };
    const asLayer = open([plain], (files) => {
      add(files);
      setLayers(files, name, name);
    });
    await expect(asLayer).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    const asConfig = open([plain], (files) => {
      add(files);
      files.set("manifest.json", encode([{ Config: name, RepoTags: null, Layers: [] }]));
    });
    await expect(asConfig).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  });

  test("throws ERR_DATA_LOSS with both digests for a wrong byte in a config", async () => {
    const { configBytes, configDigest } = buildImage(plain);
    const flipped = flipByte(configBytes, 30);
    const opened = open([plain], (files) => files.set(`${configDigest.slice(7)}.json`, flipped));
    await expect(opened).rejects.toMatchObject({
      code: "ERR_DATA_LOSS",
      details: { expected: configDigest, actual: sha256(flipped) },
    });
  });

  test("takes a config that is not named by its digest as it is", async () => {
    const { configBytes, configDigest } = buildImage(plain);
    await using source = await open([plain], (files) => {
      const layers = buildImage(plain).layers.map((layer) => `${layer.descriptor.digest.slice(7)}.tar`);
      files.set("config.json", configBytes);
      files.set("manifest.json", encode([{ Config: "config.json", Layers: layers }]));
    });
    expect(source.images[0]?.config.descriptor.digest).toBe(configDigest);
    expect(source.images[0]?.names).toEqual([]);
  });

  test.each<[string, (files: FixtureFiles) => void, string]>([
    ["no images", (files) => files.set("manifest.json", encode([])), "ERR_NOT_FOUND"],
    ["an object for manifest.json", (files) => files.set("manifest.json", encode({})), "ERR_INVALID_ARGUMENT"],
    ["null in manifest.json", (files) => files.set("manifest.json", encode([null])), "ERR_INVALID_ARGUMENT"],
    [
      "a Config that is no string",
      (files) => files.set("manifest.json", encode([{ Config: {} }])),
      "ERR_INVALID_ARGUMENT",
    ],
    ["no config", (files) => files.delete(`${buildImage(plain).configDigest.slice(7)}.json`), "ERR_NOT_FOUND"],
    [
      "fewer layers than diffIDs",
      (files) => {
        setLayers(files);
      },
      "ERR_INVALID_ARGUMENT",
    ],
    [
      "a layer that is no string",
      (files) => {
        setLayers(files, 1, 2);
      },
      "ERR_INVALID_ARGUMENT",
    ],
    [
      "a layer in xz",
      (files) => {
        files.set("x", Buffer.from("fd377a585a000004", "hex"));
        setLayers(files, "x", "x");
      },
      "ERR_UNIMPLEMENTED",
    ],
    [
      "a huge manifest.json",
      (files) => files.set("manifest.json", Buffer.alloc(5 * 2 ** 20, " ")),
      "ERR_RESOURCE_EXHAUSTED",
    ],
    ["neither manifest.json nor a layout", (files) => files.delete("manifest.json"), "ERR_INVALID_ARGUMENT"],
  ])("throws for %s", async (_, edit, code) => {
    await expect(open([plain], edit)).rejects.toMatchObject({ code });
  });

  test("throws for a RepoTag that is no reference", async () => {
    await expect(open([{ ...plain, names: ["../../x"] }])).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  });
});

describe("openImageSource on an archive that is docker-archive and OCI layout in one", () => {
  const image: FixtureImage = { ...demo, names: ["demo:1"] };
  const built = buildImage(image);

  /** What Docker 25 and later write: one set of blobs, two descriptions. */
  function bothFiles(): FixtureFiles {
    const files = layoutFiles([{ ...image, names: ["1"] }]);
    const layers = built.layers.map((layer) => blobPath(layer.descriptor.digest));
    files.set(
      "manifest.json",
      encode([{ Config: blobPath(built.configDigest), RepoTags: ["demo:1"], Layers: layers }]),
    );
    return files;
  }

  async function openFiles(files: FixtureFiles): Promise<ImageSource> {
    const path = join(freshDir(), "both.tar");
    writeFileSync(path, await packFiles(files));
    return openSource(path);
  }

  test("has digests from the layout and names from manifest.json", async () => {
    await using source = await openFiles(bothFiles());
    const [opened] = source.images;
    expect(opened?.names).toEqual(["docker.io/library/demo:1"]);
    expect(opened?.layers.map((layer) => layer.descriptor)).toEqual(built.layers.map((layer) => layer.descriptor));
    expect(opened?.manifestFor(built.layers.map((layer) => layer.descriptor)).bytes).toEqual(built.manifestBytes);
  });

  test("falls back to manifest.json when the layout leaves this platform out", async () => {
    const files = bothFiles();
    files.delete(blobPath(built.descriptor.digest));
    await using source = await openFiles(files);
    expect(source.images[0]?.layers.map((layer) => layer.descriptor.digest)).toEqual([
      null,
      null,
      built.layers[2]?.diffId,
    ]);
  });

  test("throws ERR_DATA_LOSS for a wrong byte in the layout's manifest", async () => {
    const files = bothFiles();
    files.set(blobPath(built.descriptor.digest), flipByte(built.manifestBytes, 9));
    await expect(openFiles(files)).rejects.toMatchObject({ code: "ERR_DATA_LOSS" });
  });

  test("lists the images of manifest.json only", async () => {
    const files = bothFiles();
    for (const [path, file] of dockerFiles([plain])) if (path !== "manifest.json") files.set(path, file);
    const { configDigest, layers } = buildImage(plain);
    const names = layers.map((layer) => `${layer.descriptor.digest.slice(7)}.tar`);
    files.set("manifest.json", encode([{ Config: `${configDigest.slice(7)}.json`, RepoTags: ["p:1"], Layers: names }]));
    await using source = await openFiles(files);
    expect(source.images.map((each) => each.names)).toEqual([["docker.io/library/p:1"]]);
  });
});
