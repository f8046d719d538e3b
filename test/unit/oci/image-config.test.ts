import { describe, expect, test } from "vitest";
import { parseImageConfig } from "../../../driver/oci/image-config.ts";
import { encode, type Json } from "../../fixtures/image-builder.ts";

const diffId = `sha256:${"d".repeat(64)}`;

function configWith(extra: Json): Uint8Array {
  return encode({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] }, ...extra });
}

describe("parseImageConfig", () => {
  test("reads what containers need and drops the rest", () => {
    const config = {
      User: "1000:1000",
      ExposedPorts: { "80/tcp": {} },
      Env: ["A=b"],
      Entrypoint: ["/e"],
      Cmd: ["c", "d"],
      Volumes: { "/v": {} },
      WorkingDir: "/w",
      Labels: { l: "m" },
      StopSignal: "SIGINT",
    };
    const parsed = parseImageConfig(
      configWith({
        created: "2024-01-02T03:04:05.6Z",
        author: "me",
        variant: "v2",
        config: { ...config, Hostname: "x", OnBuild: null, HostConfig: { Privileged: true } },
        container_config: { Cmd: ["no"] },
        history: [{ created_by: "x" }, { created_by: "y", empty_layer: true }],
      }),
    );
    expect(parsed).toEqual({
      created: "2024-01-02T03:04:05.6Z",
      author: "me",
      architecture: "amd64",
      os: "linux",
      variant: "v2",
      config,
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created_by: "x" }, { created_by: "y", empty_layer: true }],
    });
  });

  test("takes null for absent, as Go writes empty values", () => {
    const nulls = { Env: null, Cmd: null, Entrypoint: null, Volumes: null, Labels: null, ExposedPorts: null };
    expect(parseImageConfig(configWith({ config: nulls, history: null })).config).toEqual({});
  });

  test.each([
    ["an empty list", { type: "layers", diff_ids: [] }],
    ["no list", { type: "layers" }],
    ["null", { type: "layers", diff_ids: null }],
  ])("reads an image without layers when diff_ids is %s", (_, rootfs) => {
    expect(parseImageConfig(configWith({ rootfs })).rootfs.diff_ids).toEqual([]);
  });

  test("accepts a history that does not speak of every layer", () => {
    expect(parseImageConfig(configWith({ history: [{ empty_layer: true }] })).history).toHaveLength(1);
  });

  test("treats an empty history as none", () => {
    expect(parseImageConfig(configWith({ history: [] }))).not.toHaveProperty("history");
  });

  test.each<[string, Json, RegExp]>([
    ["no rootfs", { rootfs: undefined }, /rootfs is not an object/],
    ["another type of rootfs", { rootfs: { type: "x", diff_ids: [] } }, /rootfs\.type is not "layers"/],
    ["a diffID that is no digest", { rootfs: { type: "layers", diff_ids: ["x"] } }, /rootfs\.diff_ids\[0\] is "x"/],
    ["diff_ids as text", { rootfs: { type: "layers", diff_ids: diffId } }, /rootfs\.diff_ids is not an array/],
    ["history of two layers", { history: [{}, {}] }, /history has 2 entries that are not empty_layer, but .* has 1/],
    ["empty_layer as text", { history: [{ empty_layer: "yes" }] }, /history\[0\]\.empty_layer is not true or false/],
    ["Env as a map", { config: { Env: { A: "b" } } }, /config\.Env is not an array/],
    ["Cmd as text", { config: { Cmd: "sh" } }, /config\.Cmd is not an array/],
    ["Cmd with a number", { config: { Cmd: [1] } }, /config\.Cmd\[0\] is not a string/],
    ["Cmd with NUL", { config: { Cmd: ["a\0b"] } }, /config\.Cmd has a NUL/],
    ["Labels as a list", { config: { Labels: ["a"] } }, /config\.Labels is not an object/],
    ["layers, as a manifest", { layers: [] }, /layers belongs to a manifest/],
    ["os as a number", { os: 1 }, /os is not a string/],
  ])("throws when it has %s", (_, extra, message) => {
    expect(() => parseImageConfig(configWith(extra))).toThrow(message);
  });
});
