import { describe, expect, it } from "vitest";
import { parseDigest } from "../../../driver/base/digest.ts";
import {
  commandLine,
  committedConfig,
  containerConfig,
  type ContainerSettings,
} from "../../../driver/image/commit-config.ts";
import { encodeRawConfig, parseRawConfig } from "../../../driver/image/raw-config.ts";

const image = { Env: ["PATH=/bin", "A=1"], Entrypoint: ["run"], Cmd: ["it"], WorkingDir: "/app/", User: "app" };
const container: ContainerSettings = {
  args: ["run", "it"],
  env: ["PATH=/bin", "HOSTNAME=box", "TERM=xterm", "A=1"],
  cwd: "/app",
  user: "app",
  hostname: "box",
  labels: {},
};
const diffId = parseDigest(`sha256:${"a".repeat(64)}`);
const below = `sha256:${"b".repeat(64)}`;
const layer = { diffId, created: "2024-01-01T00:00:00Z", createdBy: "it", comment: "why", author: "me" };

describe("containerConfig", () => {
  it("leaves the image's config as it is when the container was run plainly", () => {
    expect(containerConfig(image, container)).toEqual(image);
  });

  it("keeps what was given: command, variables, directory, user, labels", () => {
    const given = {
      ...container,
      args: ["run", "other"],
      env: [...container.env, "B=2", "PATH=/bin"].filter((variable) => variable !== "A=1"),
      cwd: "/srv",
      user: "root",
      labels: { l: "1" },
    };
    expect(containerConfig(image, given)).toEqual({
      Env: ["PATH=/bin", "B=2"],
      Entrypoint: ["run"],
      Cmd: ["other"],
      WorkingDir: "/srv",
      User: "root",
      Labels: { l: "1" },
    });
  });

  it("takes a first word that is not the image's entrypoint for one that was given", () => {
    const config = containerConfig(image, { ...container, args: ["sh", "-c", "ls"] });
    expect(config).toMatchObject({ Entrypoint: ["sh"], Cmd: ["-c", "ls"] });
    expect(commandLine(config)).toBe("-c ls");
  });

  it("does not give an image the path that every container has", () => {
    const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    expect(containerConfig({ Cmd: ["sh"] }, { ...container, args: ["sh"], env: [path], cwd: "/", user: "" })).toEqual({
      Cmd: ["sh"],
    });
  });
});

describe("committedConfig", () => {
  const parent = parseRawConfig(
    Buffer.from(
      `{"created":"2020-01-01T00:00:00Z","architecture":"amd64","os":"linux","odd":{"big":12345678901234567890,` +
        `"small":1.50e-7,"__proto__":{"x":null}},"config":{"Cmd":["it"],"Healthcheck":{"Interval":9007199254740993}},` +
        `"rootfs":{"type":"layers","diff_ids":["${below}"]},"history":[{"created_by":"x","extra":[1.0]}]}`,
    ),
  );
  const config = parent["config"] as object as Record<string, unknown>;

  it("adds a layer and a line of history, and keeps what it does not know to the digit", () => {
    const text = Buffer.from(encodeRawConfig(committedConfig(parent, config, layer, ["USER x"]))).toString();
    expect(text).toContain(`"odd":{"big":12345678901234567890,"small":1.50e-7,"__proto__":{"x":null}}`);
    expect(text).toContain(`"Healthcheck":{"Interval":9007199254740993}`);
    expect(text).toContain(`"history":[{"created_by":"x","extra":[1.0]},{"created":"2024-01-01T00:00:00Z",`);
    expect(JSON.parse(text)).toMatchObject({
      created: "2024-01-01T00:00:00Z",
      author: "me",
      config: { Cmd: ["it"], User: "x" },
      rootfs: { diff_ids: [below, diffId] },
      history: [{ created_by: "x" }, { created_by: "it", comment: "why", author: "me" }],
    });
  });

  it("marks an empty layer, and has no layer for it", () => {
    const made = committedConfig(parent, config, { ...layer, diffId: null }, []);
    expect(made).toMatchObject({ rootfs: { diff_ids: [below] }, history: [{}, { empty_layer: true }] });
  });

  it("gives silent layers of the parent a line each, before its own", () => {
    const silent = { ...parent, history: [] };
    const { history } = committedConfig(silent, config, layer, []) as { history: readonly unknown[] };
    expect(history).toHaveLength(2);
    expect(history[0]).toEqual({});
  });
});
