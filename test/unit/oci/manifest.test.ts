import { describe, expect, test } from "vitest";
import type { Digest } from "../../../driver/base/digest.ts";
import { parseIndex } from "../../../driver/oci/image-index.ts";
import { encodeManifest, parseManifest } from "../../../driver/oci/manifest.ts";
import { mediaTypes } from "../../../driver/oci/media-type.ts";
import { encode, type Json } from "../../fixtures/image-builder.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digest("b"), size: 7 };
const config = { mediaType: mediaTypes.ociConfig, digest: digest("a"), size: 5 };

function manifestWith(edit: (manifest: Json) => void): Uint8Array {
  const manifest: Json = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
  edit(manifest);
  return encode(manifest);
}

function found(mediaType: string): { mediaType: string; digest: Digest; size: number } {
  return { mediaType, digest: digest("c"), size: 100 };
}

describe("parseManifest", () => {
  test("reads config and layers, and drops what it does not know", () => {
    const bytes = manifestWith((manifest) => {
      manifest["annotations"] = { a: "b" };
      manifest["somethingNew"] = [1, 2];
    });
    expect(parseManifest(bytes)).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [layer],
      annotations: { a: "b" },
    });
  });

  test("reads Docker's schema 2 and manifests without layers", () => {
    const bytes = manifestWith((manifest) => {
      manifest["mediaType"] = mediaTypes.dockerManifest;
      manifest["layers"] = [];
    });
    expect(parseManifest(bytes, found(mediaTypes.dockerManifest)).layers).toEqual([]);
  });

  test("takes the media type of its descriptor when it says none", () => {
    const bytes = manifestWith((manifest) => delete manifest["mediaType"]);
    expect(parseManifest(bytes, found(mediaTypes.dockerManifest)).mediaType).toBe(mediaTypes.dockerManifest);
  });

  test.each<[string, (manifest: Json) => void, RegExp]>([
    ["schemaVersion 1", (m) => (m["schemaVersion"] = 1), /schemaVersion is not 2/],
    ["schemaVersion as text", (m) => (m["schemaVersion"] = "2"), /schemaVersion is not a whole number/],
    ["no schemaVersion", (m) => delete m["schemaVersion"], /schemaVersion/],
    ["manifests beside layers", (m) => (m["manifests"] = []), /manifests belongs to an index/],
    ["Manifests in other capitals", (m) => (m["Manifests"] = []), /Manifests belongs to an index/],
    ["fsLayers", (m) => (m["fsLayers"] = []), /belongs to schema 1/],
    ["an index's media type", (m) => (m["mediaType"] = mediaTypes.ociIndex), /another kind of document/],
    ["layers that are null", (m) => (m["layers"] = null), /layers is not an array/],
    ["no config", (m) => delete m["config"], /config is not an object/],
    ["config that is a list", (m) => (m["config"] = [config]), /config is not an object/],
    ["a negative size", (m) => (m["layers"] = [{ ...layer, size: -1 }]), /layers\[0\]\.size is not a whole number/],
    ["an unsafe size", (m) => (m["layers"] = [{ ...layer, size: 2 ** 53 }]), /layers\[0\]\.size is not a whole number/],
    ["a fractional size", (m) => (m["layers"] = [{ ...layer, size: 1.5 }]), /layers\[0\]\.size is not a whole number/],
    ["a size as text", (m) => (m["layers"] = [{ ...layer, size: "7" }]), /layers\[0\]\.size is not a whole number/],
    ["a digest that is a path", (m) => (m["layers"] = [{ ...layer, digest: "sha256:../../x" }]), /layers\[0\]\.digest/],
    ["upper-case hex", (m) => (m["layers"] = [{ ...layer, digest: `sha256:${"B".repeat(64)}` }]), /\.digest is/],
    ["a short digest", (m) => (m["layers"] = [{ ...layer, digest: "sha256:abcd" }]), /\.digest is/],
    ["a digest of sha512", (m) => (m["layers"] = [{ ...layer, digest: `sha512:${"b".repeat(128)}` }]), /\.digest is/],
    [
      "no media type of a layer",
      (m) => (m["layers"] = [{ digest: layer.digest, size: 1 }]),
      /mediaType is not a string/,
    ],
    ["a media type with spaces", (m) => (m["layers"] = [{ ...layer, mediaType: "a b" }]), /is not a media type/],
    ["annotations that are numbers", (m) => (m["annotations"] = { a: 1 }), /annotations\.a is not a string/],
    ["10,001 layers", (m) => (m["layers"] = Array.from({ length: 10_001 }, () => layer)), /more than 10000/],
    ["a config of 5 MiB", (m) => (m["config"] = { ...config, size: 5 * 2 ** 20 }), /config\.size is more than/],
  ])("throws when it has %s", (_, edit, message) => {
    expect(() => parseManifest(manifestWith(edit))).toThrow(message);
  });

  test("names the descriptor it was found by", () => {
    const bytes = manifestWith((manifest) => (manifest["layers"] = {}));
    expect(() => parseManifest(bytes, found(mediaTypes.ociManifest))).toThrow(`manifest ${digest("c")}`);
  });

  test("throws when its media type contradicts its descriptor", () => {
    const bytes = manifestWith(() => undefined);
    expect(() => parseManifest(bytes, found(mediaTypes.dockerManifest))).toThrow(/its descriptor says/);
  });

  test.each([
    ["trailing data", Buffer.concat([manifestWith(() => undefined), Buffer.from("{}")])],
    ["a byte order mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), manifestWith(() => undefined)])],
    ["bytes that are not UTF-8", Buffer.from('{"schemaVersion":2,"x":"\xff"}', "latin1")],
    ["nothing", Buffer.alloc(0)],
    ["an array", Buffer.from("[]")],
    ["null", Buffer.from("null")],
    ["deep nesting", Buffer.from("[".repeat(100_000))],
    ["deep nesting of objects", Buffer.from('{"a":'.repeat(1000) + "1" + "}".repeat(1000))],
  ])("throws ERR_INVALID_ARGUMENT for %s", (_, bytes) => {
    expect(() => parseManifest(bytes)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  });

  test("does not count brackets inside strings as nesting", () => {
    const bytes = manifestWith((manifest) => (manifest["annotations"] = { a: `\\"${"[{".repeat(200)}` }));
    expect(parseManifest(bytes).annotations?.["a"]).toHaveLength(402);
  });

  test("throws ERR_RESOURCE_EXHAUSTED above 4 MiB", () => {
    const bytes = Buffer.concat([manifestWith(() => undefined), Buffer.alloc(4 * 2 ** 20, " ")]);
    expect(() => parseManifest(bytes)).toThrow(expect.objectContaining({ code: "ERR_RESOURCE_EXHAUSTED" }));
  });

  test("keeps __proto__ an ordinary key", () => {
    const text = manifestWith(() => undefined).toString();
    const bytes = Buffer.from(`${text.slice(0, -1)},"annotations":{"__proto__":"x"},"__proto__":{"manifests":[]}}`);
    const { annotations } = parseManifest(bytes);
    expect(Object.keys(annotations ?? {})).toEqual(["__proto__"]);
    expect(({} as Json)["manifests"]).toBeUndefined();
  });
});

describe("encodeManifest", () => {
  test("gives equal bytes whatever the order of fields, and reads back", () => {
    const one = encodeManifest({ mediaType: mediaTypes.ociManifest, config, layers: [layer] });
    const other = encodeManifest({
      layers: [{ size: 7, digest: layer.digest, mediaType: layer.mediaType }],
      config: { size: 5, digest: config.digest, mediaType: config.mediaType },
      mediaType: mediaTypes.ociManifest,
    });
    expect(other).toEqual(one);
    expect(parseManifest(one)).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [layer],
    });
  });
});

describe("parseIndex", () => {
  const entry = { mediaType: mediaTypes.ociManifest, digest: digest("a"), size: 5 };

  test("reads descriptors with their platforms and annotations", () => {
    const platform = { os: "linux", architecture: "arm", variant: "v7" };
    const bytes = encode({
      schemaVersion: 2,
      manifests: [{ ...entry, platform: { ...platform, "os.version": "1" }, annotations: { x: "y" } }],
    });
    expect(parseIndex(bytes).manifests).toEqual([{ ...entry, platform, annotations: { x: "y" } }]);
  });

  test("accepts an empty list, not null", () => {
    expect(parseIndex(encode({ schemaVersion: 2, manifests: [] })).manifests).toEqual([]);
    expect(() => parseIndex(encode({ schemaVersion: 2, manifests: null }))).toThrow(/manifests is not an array/);
  });

  test.each([
    ["layers", { layers: [] }],
    ["config", { config: {} }],
    ["Layers in other capitals", { LAYERS: [] }],
    ["a manifest's media type", { mediaType: mediaTypes.ociManifest }],
  ])("throws when it has %s", (_, extra) => {
    expect(() => parseIndex(encode({ schemaVersion: 2, manifests: [entry], ...extra }))).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
    );
  });
});
