import { describe, expect, it } from "vitest";
import { allCapabilities, capabilitiesOf, parseCapability } from "../../../driver/container/capabilities.ts";
import { defaultCapabilities } from "../../../driver/container/defaults.ts";

const all = 2n ** 41n - 1n;
const none = { privileged: false, capAdd: [], capDrop: [] };

describe("capabilitiesOf", () => {
  it("capabilitiesOf gives Docker's when nothing is asked for", () => {
    expect([...capabilitiesOf(none, all)].sort()).toEqual([...defaultCapabilities].sort());
    expect(allCapabilities).toHaveLength(41);
    expect(allCapabilities[21]).toBe("CAP_SYS_ADMIN");
  });

  it("capabilitiesOf adds and drops, one by one and all", () => {
    expect(capabilitiesOf({ ...none, capAdd: ["CAP_NET_ADMIN"] }, all)).toContain("CAP_NET_ADMIN");
    expect(capabilitiesOf({ ...none, capDrop: ["CAP_CHOWN"] }, all)).not.toContain("CAP_CHOWN");
    expect(capabilitiesOf({ ...none, capDrop: ["ALL"], capAdd: ["CAP_CHOWN"] }, all)).toEqual(["CAP_CHOWN"]);
    const allButOne = capabilitiesOf({ ...none, capAdd: ["ALL"], capDrop: ["CAP_SYS_ADMIN"] }, all);
    expect(allButOne).toHaveLength(40);
    expect(allButOne).not.toContain("CAP_SYS_ADMIN");
    expect(capabilitiesOf({ ...none, privileged: true }, all)).toEqual(allCapabilities);
  });

  it("capabilitiesOf gives nothing that we may not give", () => {
    expect(capabilitiesOf({ ...none, privileged: true }, 0b11n)).toEqual(["CAP_CHOWN", "CAP_DAC_OVERRIDE"]);
  });

  it("parseCapability takes names with and without CAP_, and no others", () => {
    expect(["net_admin", "CAP_NET_ADMIN", "all"].map(parseCapability)).toEqual([
      "CAP_NET_ADMIN",
      "CAP_NET_ADMIN",
      "ALL",
    ]);
    expect(() => parseCapability("everything")).toThrow("no capability everything");
  });
});
