import { geteuid } from "node:process";
import { describe, expect, it } from "vitest";
import { hasFilesystem, kernelAtLeast, kernelFeatures, kernelRelease } from "../../../driver/sys/kernel.ts";
import { detectPrivileges, privilegesFrom } from "../../../driver/sys/privileges.ts";

const all = (1n << 41n) - 1n;
/** What Docker gives a container: no CAP_SYS_ADMIN. */
const inDocker = 0xa80425fbn;

describe("privilegesFrom", () => {
  it("grants everything when all capabilities are held in the initial namespace", () => {
    expect(privilegesFrom(0, all, true)).toEqual({
      uid: 0,
      canChown: true,
      canMknod: true,
      canMount: true,
      overlayXattr: "trusted.overlay.",
    });
  });

  it("grants no devices and no trusted.* when in a user namespace", () => {
    expect(privilegesFrom(0, all, false)).toEqual({
      uid: 0,
      canChown: true,
      canMknod: false,
      canMount: true,
      overlayXattr: "user.overlay.",
    });
  });

  it("grants devices but no mounts with Docker's capabilities, and nothing without any", () => {
    expect(privilegesFrom(0, inDocker, true)).toMatchObject({ canChown: true, canMknod: true, canMount: false });
    expect(privilegesFrom(0, inDocker, true).overlayXattr).toBe("user.overlay.");
    expect(privilegesFrom(0, 0n, true)).toMatchObject({ canChown: false, canMknod: false, canMount: false });
    expect(privilegesFrom(1000, 0n, true).uid).toBe(1000);
  });
});

describe("detectPrivileges", () => {
  it("is of this process", () => {
    expect(detectPrivileges().uid).toBe(geteuid?.());
  });
});

describe("the kernel", () => {
  it("has a release to compare", () => {
    expect(kernelAtLeast(5, 6, "5.6.0-rc1")).toBe(true);
    expect(kernelAtLeast(5, 6, "5.5.19")).toBe(false);
    expect(kernelAtLeast(5, 6, "5.10.0-28-amd64")).toBe(true);
    expect(kernelAtLeast(5, 6, "6.1")).toBe(true);
    expect(kernelAtLeast(6, 0, "5.19.0")).toBe(false);
  });

  it("lists file systems by their whole names", () => {
    expect([hasFilesystem("proc"), hasFilesystem("pro"), hasFilesystem("")]).toEqual([true, false, false]);
  });

  it("shows what it offers", () => {
    const features = kernelFeatures();
    expect(features).toMatchObject({ release: kernelRelease(), openat2: true });
    expect(features.fchmodat2).toBe(kernelAtLeast(6, 6));
  });
});
