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
});
