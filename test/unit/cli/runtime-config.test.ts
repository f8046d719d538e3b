import { describe, expect, it } from "vitest";
import { parse } from "smol-toml";
import { runtimeConfig, runtimeNames } from "../../../driver/cli/runtime-config.ts";

describe("runtimeConfig", () => {
  it.each(runtimeNames)("is TOML that names the socket for %s", (runtime) => {
    const served = { address: '/run/a "b"/l.sock', root: "/var/lib/laminate", isRemote: false };
    const config = parse(runtimeConfig(runtime, served).join("\n"));
    expect(config).toMatchObject({ proxy_plugins: { laminate: { type: "snapshot", address: '/run/a "b"/l.sock' } } });
    expect(config["version"]).toBe(runtime === "containerd-2.x" ? 3 : 2);
  });

  it.each([
    ["containerd-1.6", ["plugins", "io.containerd.grpc.v1.cri", "containerd", "disable_snapshot_annotations"], false],
    ["containerd-1.7", ["plugins", "io.containerd.grpc.v1.cri", "containerd", "disable_snapshot_annotations"], false],
    ["containerd-2.x", ["plugins", "io.containerd.cri.v1.images", "disable_snapshot_annotations"], false],
    ["containerd-2.x", ["proxy_plugins", "laminate", "exports", "enable_remote_snapshot_annotations"], "true"],
  ] as const)("has clients of %s say which image a layer is of, for remote mode only: %j", (runtime, path, value) => {
    for (const isRemote of [true, false]) {
      const served = { address: "/run/l.sock", root: "/var/lib/laminate", isRemote };
      const found = path.reduce<unknown>(
        (at, key) => (at as Record<string, unknown>)[key],
        parse(runtimeConfig(runtime, served).join("\n")),
      );
      expect(found).toBe(isRemote ? value : undefined);
    }
  });
});
