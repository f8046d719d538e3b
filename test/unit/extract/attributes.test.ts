import { describe, expect, it } from "vitest";
import { isAcl, isKeptXattr } from "../../../driver/extract/attributes.ts";

describe("isKeptXattr", () => {
  it.each([
    "user.a",
    "user.overlayed",
    "user.my.overlay.x",
    "security.capability",
    "security.ima",
    "system.posix_acl_access",
  ])("keeps %s", (name) => {
    expect(isKeptXattr(name)).toBe(true);
  });

  it.each([
    "trusted.overlay.opaque",
    "user.overlay.opaque",
    "user.overlay.overlay.opaque",
    "security.overlay.x",
    "trusted.anything",
    "security.selinux",
    "system.nfs4_acl",
  ])("drops %s", (name) => {
    expect(isKeptXattr(name)).toBe(false);
  });
});

describe("isAcl", () => {
  it("is true of both POSIX ACLs", () => {
    expect(["system.posix_acl_access", "system.posix_acl_default", "user.posix_acl"].map(isAcl)).toEqual([
      true,
      true,
      false,
    ]);
  });
});
