import { execFileSync } from "node:child_process";
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ImageSource } from "../../../driver/image/sources/image-source.ts";
import type { OpenSourceOptions } from "../../../driver/image/sources/open-source.ts";
import { hostPlatform } from "../../../driver/oci/platform.ts";
import {
  blobPath,
  buildImage,
  buildOciArchive,
  encode,
  flipByte,
  type FixtureImage,
  type FixtureOptions,
  type Json,
  sha256,
  writeOciLayout,
} from "../../fixtures/image-builder.ts";
import { bytesAt, demo, firstPath, freshDir, openSource, tarA, tarB } from "./source-fixtures.ts";

const host = hostPlatform();
const foreign = host.architecture === "s390x" ? "riscv64" : "s390x";
const indexType = "application/vnd.oci.image.index.v1+json";

type Open = (
  images: readonly FixtureImage[],
  fixture?: FixtureOptions,
  options?: Partial<OpenSourceOptions>,
  tag?: string,
) => Promise<ImageSource>;

const openDirectory: Open = async (images, fixture, options, tag) => {
  const dir = await writeOciLayout(join(freshDir(), "debian"), images, fixture);
  return openSource(tag === undefined ? dir : `oci:${dir}:${tag}`, options);
};

const openArchive: Open = async (images, fixture, options, tag) => {
  const path = join(freshDir(), "debian.tar");
  writeFileSync(path, await buildOciArchive(images, fixture));
  return openSource(tag === undefined ? path : `oci-archive:${path}:${tag}`, options);
};

/** Replaces a blob by a document and returns its descriptor. */
function addDocument(files: Map<string, unknown>, mediaType: string, document: unknown): Json {
  const bytes = encode(document);
  files.set(blobPath(sha256(bytes)), bytes);
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

/** An index.json of these entries. */
function setIndex(files: Map<string, unknown>, manifests: readonly unknown[]): void {
  files.set("index.json", encode({ schemaVersion: 2, manifests }));
}

describe.each([
  ["directory", openDirectory],
  ["archive", openArchive],
])("openImageSource on an OCI layout in a %s", (_, open) => {
  test("finds documents and layers as they are stored", async () => {
    await using source = await open([demo]);
    const built = buildImage(demo);
    const [image] = source.images;
    expect(source.images).toHaveLength(1);
    expect(image?.names).toEqual(["docker.io/library/demo:1"]);
    expect(image?.config.descriptor.digest).toBe(built.configDigest);
    expect(Buffer.from(image?.config.bytes ?? [])).toEqual(built.configBytes);
    expect(image?.config.parsed.rootfs.diff_ids).toEqual(built.layers.map((layer) => layer.diffId));
    expect(image?.layers.map((layer) => layer.descriptor)).toEqual(built.layers.map((layer) => layer.descriptor));
    expect(image?.layers.map((layer) => layer.diffId)).toEqual(built.layers.map((layer) => layer.diffId));
    for (const [i, layer] of (image?.layers ?? []).entries()) {
      expect(bytesAt(layer.file)).toEqual(Buffer.from(built.layers[i]?.bytes ?? []));
    }
  });

  test("manifestFor gives the manifest's own bytes, and throws ERR_DATA_LOSS for another layer", async () => {
    await using source = await open([demo]);
    const built = buildImage(demo);
    const descriptors = built.layers.map((layer) => layer.descriptor);
    const manifest = source.images[0]?.manifestFor(descriptors);
    expect(manifest).toEqual({ bytes: built.manifestBytes, descriptor: built.descriptor });
    expect(() => source.images[0]?.manifestFor(descriptors.toReversed())).toThrow(
      expect.objectContaining({ code: "ERR_DATA_LOSS" }),
    );
    expect(() => source.images[0]?.manifestFor(descriptors.slice(1))).toThrow(/2 diffIDs/);
  });

  test("opens every image, and one image of several names once", async () => {
    const other = { layers: [{ tar: tarB }], names: ["docker.io/library/other:1"] };
    const both = { ...demo, names: ["docker.io/library/demo:1", "docker.io/library/demo:2"] };
    await using source = await open([both, other]);
    expect(source.images.map((image) => image.names)).toEqual([both.names, other.names]);
  });

  test("opens an image without layers", async () => {
    await using source = await open([{ layers: [] }]);
    expect(source.images[0]?.layers).toEqual([]);
    expect(source.images[0]?.names).toEqual([]);
  });

  test("opens only the image that was asked for", async () => {
    const images = ["1", "2"].map((tag) => ({
      layers: [{ tar: tarA }],
      names: [`docker.io/a/b:${tag}`],
      config: { Env: [tag] },
    }));
    for (const name of ["docker.io/a/b:2", "a/b:2"]) {
      await using source = await open(images, {}, {}, name);
      expect(source.images.map((image) => image.config.parsed.config?.Env)).toEqual([["2"]]);
    }
    await expect(open(images, {}, {}, "a/b:3")).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      message: expect.stringContaining('it has "docker.io/a/b:1", "docker.io/a/b:2"') as string,
    });
  });

  test("lets containerd's annotation win over ref.name", async () => {
    const annotate = (files: Map<string, unknown>): void => {
      const annotations = {
        "org.opencontainers.image.ref.name": "latest",
        "io.containerd.image.name": "docker.io/library/right:latest",
      };
      setIndex(files, [{ ...buildImage(demo).descriptor, annotations }]);
    };
    await using source = await open([demo], { edit: annotate });
    expect(source.images[0]?.names).toEqual(["docker.io/library/right:latest"]);
    await using tagged = await open([demo], { edit: annotate }, {}, "latest");
    expect(tagged.images).toHaveLength(1);
  });

  test.each(["../../etc/passwd", "bad name:1", "a/UPPER:1", "x".repeat(5000)])(
    "gives no name for one that is no reference (%#)",
    async (name) => {
      await using source = await open([{ ...demo, names: [name] }]);
      expect(source.images.map((image) => image.names)).toEqual([[]]);
    },
  );

  describe("with several platforms", () => {
    const forArch = (architecture: string, variant?: string): FixtureImage => ({
      layers: [{ tar: tarA }],
      platform: { os: "linux", architecture, ...(variant !== undefined && { variant }) },
      platformInIndex: true,
    });
    const asIndex = (images: readonly FixtureImage[], extra: readonly unknown[] = []): FixtureOptions => ({
      edit: (files) => {
        const manifests = [...images.map((image) => buildImage(image).descriptor), ...extra];
        const index = addDocument(files, indexType, { schemaVersion: 2, mediaType: indexType, manifests });
        setIndex(files, [{ ...index, annotations: { "org.opencontainers.image.ref.name": "docker.io/a/b:1" } }]);
      },
    });
    const architectures = (source: ImageSource): string[] =>
      source.images.map(({ config }) => config.parsed.architecture);

    test("takes the host's from an index, however deep", async () => {
      const images = [forArch(foreign), forArch(host.architecture, host.variant)];
      const nest = (depth: number): FixtureOptions => ({
        edit: (files) => {
          let entries: Json[] = images.map((image) => buildImage(image).descriptor as unknown as Json);
          for (let i = 0; i < depth; i++) {
            entries = [addDocument(files, indexType, { schemaVersion: 2, mediaType: indexType, manifests: entries })];
          }
          setIndex(files, entries);
        },
      });
      for (const depth of [1, 2, 7]) {
        await using source = await open(images, nest(depth));
        expect(architectures(source)).toEqual([host.architecture]);
      }
      await expect(open(images, nest(9))).rejects.toThrow(/nested too deep/);
    });

    test("takes the one that was asked for", async () => {
      const images = [forArch("amd64"), forArch("arm", "v5"), forArch("arm", "v6"), forArch("arm64", "v8")];
      const variants = async (platform: string): Promise<unknown> => {
        await using source = await open(images, asIndex(images), { platform });
        expect(source.images[0]?.names).toEqual(["docker.io/a/b:1"]);
        return source.images.map(({ config }) => [config.parsed.architecture, config.parsed.variant]);
      };
      expect(await variants("linux/arm/v7")).toEqual([["arm", "v6"]]);
      expect(await variants("linux/aarch64")).toEqual([["arm64", "v8"]]);
      await expect(open(images, asIndex(images), { platform: "linux/s390x" })).rejects.toMatchObject({
        code: "ERR_NOT_FOUND",
        message: expect.stringContaining("linux/amd64, linux/arm/v5") as string,
      });
    });

    test("takes entries of index.json with one name, or with none, as alternatives", async () => {
      const images = [forArch(foreign), forArch(host.architecture, host.variant)];
      await using unnamed = await open(images);
      expect(architectures(unnamed)).toEqual([host.architecture]);
      await using named = await open(images.map((image) => ({ ...image, names: ["a/b:1"] })));
      expect(architectures(named)).toEqual([host.architecture]);
      expect(named.images[0]?.names).toEqual(["docker.io/a/b:1"]);
    });

    test("reads configs where the index does not tell the platform", async () => {
      const images = [forArch(foreign), forArch(host.architecture, host.variant)].map((image) => ({
        ...image,
        platformInIndex: false,
      }));
      await using source = await open(images, asIndex(images));
      expect(architectures(source)).toEqual([host.architecture]);
    });

    test("passes over attestations and other artifacts", async () => {
      const image = forArch(foreign);
      const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: sha256(encode({})), size: 2 };
      const artifact = encode({ schemaVersion: 2, config, layers: [] });
      const descriptor = {
        mediaType: buildImage(image).descriptor.mediaType,
        digest: sha256(artifact),
        size: artifact.length,
      };
      const unknown = { ...descriptor, platform: { os: "unknown", architecture: "unknown" } };
      const withArtifact = asIndex([image], [unknown, descriptor, { ...descriptor, mediaType: "text/plain" }]);
      await using source = await open([image], {
        edit: (files) => {
          files.set(blobPath(descriptor.digest), artifact);
          withArtifact.edit?.(files);
        },
      });
      expect(architectures(source)).toEqual([foreign]);
      const onlyArtifact: FixtureOptions = {
        edit: (files) => {
          files.set(blobPath(descriptor.digest), artifact);
          setIndex(files, [descriptor]);
        },
      };
      await expect(open([image], onlyArtifact)).rejects.toThrow(/it holds none/);
    });

    test("takes a single image for another platform, unless a platform was asked for", async () => {
      await using source = await open([forArch(foreign)]);
      expect(architectures(source)).toEqual([foreign]);
      await expect(open([forArch(foreign)], {}, { platform: "linux/amd64" })).rejects.toMatchObject({
        code: "ERR_NOT_FOUND",
      });
    });

    test("names the manifest that serves but is not there", async () => {
      const images = [forArch("arm64"), forArch("amd64")];
      const { digest } = buildImage(forArch("amd64")).descriptor;
      const edit: FixtureOptions = {
        edit: (files) => {
          asIndex(images).edit?.(files);
          files.delete(blobPath(digest));
        },
      };
      await expect(open(images, edit, { platform: "linux/amd64" })).rejects.toThrow(`${digest} (linux/amd64)`);
      await using source = await open(images, edit, { platform: "linux/arm64" });
      expect(architectures(source)).toEqual(["arm64"]);
    });

    test("throws when one name means two images", async () => {
      const images = ["1", "2"].map((value) => ({ ...demo, config: { Env: [value] } }));
      await expect(open(images)).rejects.toThrow(/both called docker\.io\/library\/demo:1/);
    });

    test("does not go round in indexes that name each other often", async () => {
      const image = forArch(host.architecture, host.variant);
      const bomb: FixtureOptions = {
        edit: (files) => {
          let entry: Json = buildImage(image).descriptor as unknown as Json;
          for (let i = 0; i < 6; i++) {
            const manifests = Array.from({ length: 500 }, () => entry);
            entry = addDocument(files, indexType, { schemaVersion: 2, mediaType: indexType, manifests });
          }
          setIndex(files, [entry]);
        },
      };
      const started = performance.now();
      await using source = await open([image], bomb);
      expect(source.images).toHaveLength(1);
      expect(performance.now() - started).toBeLessThan(5000);
    });

    test("refuses other systems", async () => {
      const windows: FixtureImage = { layers: [{ tar: tarA }], platform: { os: "windows", architecture: "amd64" } };
      await expect(open([windows])).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
    });
  });

  describe("that is damaged", () => {
    const built = buildImage(demo);
    const layer = built.layers[1]?.descriptor;
    const layerPath = blobPath(layer?.digest ?? "");

    test.each([
      ["manifest", built.descriptor.digest, built.manifestBytes],
      ["config", built.configDigest, built.configBytes],
    ])("throws ERR_DATA_LOSS with both digests for a wrong byte in the %s", async (_kind, digest, bytes) => {
      const flipped = flipByte(bytes, 20);
      const opened = open([demo], { edit: (files) => files.set(blobPath(digest), flipped) });
      await expect(opened).rejects.toMatchObject({
        code: "ERR_DATA_LOSS",
        details: { expected: digest, actual: sha256(flipped) },
        message: expect.stringContaining(digest) as string,
      });
    });

    test.each([
      ["manifest", built.descriptor.digest, built.manifestBytes],
      ["config", built.configDigest, built.configBytes],
      ["layer", layer?.digest ?? "", built.layers[1]?.bytes ?? new Uint8Array()],
    ])("throws ERR_DATA_LOSS with both sizes for a %s of another length", async (_kind, digest, bytes) => {
      for (const wrong of [bytes.subarray(1), Buffer.concat([bytes, Buffer.from("x")])]) {
        const opened = open([demo], { edit: (files) => files.set(blobPath(digest), wrong) });
        await expect(opened).rejects.toMatchObject({
          code: "ERR_DATA_LOSS",
          details: { expected: bytes.length, actual: wrong.length },
          message: expect.stringContaining(digest) as string,
        });
      }
    });

    test.each([
      ["manifest", built.descriptor.digest],
      ["config", built.configDigest],
      ["layer", layer?.digest ?? ""],
    ])("throws ERR_NOT_FOUND naming a %s that is missing", async (_kind, digest) => {
      const opened = open([demo], { edit: (files) => files.delete(blobPath(digest)) });
      await expect(opened).rejects.toMatchObject({
        code: "ERR_NOT_FOUND",
        message: expect.stringContaining(digest) as string,
      });
    });

    test("says where a foreign layer is that was left out", async () => {
      const foreignLayer = {
        ...layer,
        mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        urls: ["https://x/y"],
      };
      const image = {
        ...demo,
        editManifest: (manifest: Json) => (manifest["layers"] as unknown[]).splice(1, 1, foreignLayer),
      };
      await expect(open([image], { edit: (files) => files.delete(layerPath) })).rejects.toThrow(
        /it is at "https:\/\/x\/y"/,
      );
      await using source = await open([image]);
      expect(source.images).toHaveLength(1);
    });

    test.each<[string, Partial<FixtureImage>, string]>([
      ["fewer layers than diffIDs", { editManifest: (m) => (m["layers"] as unknown[]).pop() }, "ERR_INVALID_ARGUMENT"],
      [
        "fewer diffIDs than layers",
        {
          editConfig: (config) => {
            (config["rootfs"] as { diff_ids: unknown[] }).diff_ids.pop();
            delete config["history"];
          },
        },
        "ERR_INVALID_ARGUMENT",
      ],
      ["a manifest that is an index too", { editManifest: (m) => (m["manifests"] = []) }, "ERR_INVALID_ARGUMENT"],
      [
        "a manifest that says it is an index",
        { editManifest: (m) => (m["mediaType"] = indexType) },
        "ERR_INVALID_ARGUMENT",
      ],
      [
        "a layer of an unknown type",
        { editManifest: (m) => (m["layers"] = [{ ...layer, mediaType: "text/plain" }, layer, layer]) },
        "ERR_UNIMPLEMENTED",
      ],
      [
        "a digest that is a path",
        { editManifest: (m) => (m["layers"] = [{ ...layer, digest: "sha256:../../../etc/passwd" }, layer, layer]) },
        "ERR_INVALID_ARGUMENT",
      ],
    ])("throws for %s", async (_what, change, code) => {
      await expect(open([{ ...demo, ...change }])).rejects.toMatchObject({ code });
    });

    test.each<[string, FixtureOptions]>([
      ["oci-layout", { edit: (files) => files.delete("oci-layout") }],
      ["index.json", { edit: (files) => files.delete("index.json") }],
      ["version", { edit: (files) => files.set("oci-layout", encode({ imageLayoutVersion: "9.0.0" })) }],
      ["JSON", { edit: (files) => files.set("index.json", Buffer.from("{")) }],
      ["size", { edit: (files) => files.set("index.json", Buffer.alloc(5 * 2 ** 20, " ")) }],
    ])("throws when its %s is missing or wrong", async (_what, fixture) => {
      await expect(open([demo], fixture)).rejects.toMatchObject({ name: "StorageError" });
    });
  });
});

describe("openImageSource on a directory", () => {
  test.each([
    ["DIR", (dir: string) => dir],
    ["oci:DIR", (dir: string) => `oci:${dir}`],
    ["oci:DIR:TAG", (dir: string) => `oci:${dir}:12`],
  ])("names a bare tag after the directory: %s", async (_, locator) => {
    const dir = await writeOciLayout(join(freshDir(), "debian"), [{ ...demo, names: ["12"] }]);
    await using source = await openSource(locator(dir));
    expect(source.images[0]?.names).toEqual(["docker.io/library/debian:12"]);
  });

  test("gives no name when the directory's is none for a repository", async () => {
    const dir = await writeOciLayout(join(freshDir(), "My Images"), [{ ...demo, names: ["12"] }]);
    await using source = await openSource(dir);
    expect(source.images[0]?.names).toEqual([]);
  });

  test("follows a symbolic link to the directory itself", async () => {
    const parent = freshDir();
    await writeOciLayout(join(parent, "real"), [demo]);
    symlinkSync("real", join(parent, "link"));
    await using source = await openSource(join(parent, "link"));
    expect(firstPath(source)).toContain(join(parent, "real", "blobs"));
  });

  test.each([
    ["layer", blobPath(buildImage(demo).layers[0]?.descriptor.digest ?? "")],
    ["config", blobPath(buildImage(demo).configDigest)],
    ["index.json", "index.json"],
  ])("throws, and does not wait, for a %s that is a FIFO or a symbolic link", async (_, path) => {
    const dir = await writeOciLayout(join(freshDir(), "x"), [demo]);
    const whole = join(dir, path);
    renameSync(whole, join(dir, "moved"));
    execFileSync("mkfifo", [whole]);
    await expect(openSource(dir)).rejects.toThrow(/not a regular file/);
    rmSync(whole);
    symlinkSync(join(dir, "moved"), whole);
    await expect(openSource(dir)).rejects.toThrow(/not a regular file/);
  });

  test("throws for a directory that is something else, or not there", async () => {
    await expect(openSource(freshDir())).rejects.toThrow(/no OCI layout/);
    await expect(openSource(join(freshDir(), "none"))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    await expect(openSource(`docker-archive:${freshDir()}`)).rejects.toThrow(/is a directory/);
  });
});

describe("openImageSource on an OCI archive", () => {
  test("gives no name for a bare tag", async () => {
    await using source = await openArchive([{ ...demo, names: ["12"] }]);
    expect(source.images[0]?.names).toEqual([]);
    await using tagged = await openArchive([{ ...demo, names: ["12"] }], {}, {}, "12");
    expect(tagged.images[0]?.names).toEqual([]);
  });
});
