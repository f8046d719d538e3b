import { describe, expect, it } from "vitest";
import { parseFilters } from "../../../driver/snapshot/filter.ts";
import type { SnapshotInfo } from "../../../driver/snapshot/snapshotter.ts";

const info: SnapshotInfo = {
  name: "k8s.io/12/extract-1 sha256:aa",
  parent: "base",
  kind: "active",
  createdNs: 0n,
  updatedNs: 0n,
  labels: { l: "1", "containerd.io/snapshot.ref": "sha256:bb", "a.b": "dotted", spaced: "x y", tab: "a\tb" },
};

function matches(...filters: readonly string[]): boolean {
  return parseFilters(filters)(info);
}

describe("parseFilters", () => {
  it.each([
    "kind==active",
    "kind!=view",
    "parent==base",
    'parent!=""',
    "parent",
    'name=="k8s.io/12/extract-1 sha256:aa"',
    "name~=^k8s",
    "name~=/extract-[0-9]+ sha256:a/",
    "name~=|12/extract|",
    "labels.l",
    "labels.l==1",
    'labels."containerd.io/snapshot.ref"==sha256:bb,parent=="base"',
    "labels.a.b==dotted",
    'labels."a.b"==dotted',
    'labels.spaced=="x y"',
    'labels.tab=="a\\tb"',
    'labels.tab=="a\\x09\\u0062"',
    "labels.absent!=x",
    "labels.absent~=^$",
    " kind == active , parent == base ",
    "",
  ])("matches with %s", (filter) => {
    expect(matches(filter)).toBe(true);
  });

  it.each([
    "kind==view",
    "kind!=active",
    'parent==""',
    "labels.absent",
    'labels.absent==""',
    "labels.toString",
    "labels",
    "unknown",
    "unknown==x",
    "name~=^extract",
    "kind==active,parent==other",
  ])("does not match with %s", (filter) => {
    expect(matches(filter)).toBe(false);
  });

  it("matches when one of several filters does, and everything without filters", () => {
    expect(matches("kind==view", "parent==base")).toBe(true);
    expect(matches("kind==view", "parent==other")).toBe(false);
    expect(matches()).toBe(true);
  });

  it.each([
    "kind=active",
    "kind==",
    "kind==active,",
    ",kind==active",
    "kind active",
    "==active",
    'name=="unterminated',
    'name=="bad\\q"',
    'name=="\\ud800"',
    'name=="\\400"',
    "name==/not-for-equality/",
    "name~=/unterminated",
    "name~=(",
    "labels.",
    "1name==x",
    "kind==a b",
  ])("refuses %s", (filter) => {
    expect(() => parseFilters([filter])).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  });
});
