import { describe, expect, it } from "vitest";
import { formatLabels, parseLabels, updateLabels } from "../../../driver/snapshot/labels.ts";

const current = { a: "1", "containerd.io/gc.root": "x" };

describe("updateLabels", () => {
  it("replaces all labels without a path or with the path labels", () => {
    expect(updateLabels(current, { b: "2" })).toEqual({ b: "2" });
    expect(updateLabels(current, { b: "2" }, [])).toEqual({ b: "2" });
    expect(updateLabels(current, { b: "2" }, ["labels"])).toEqual({ b: "2" });
  });

  it("sets the named labels only, whose keys may hold dots", () => {
    const wanted = { a: "3", b: "4", "containerd.io/gc.root": "y" };
    expect(updateLabels(current, wanted, ["labels.containerd.io/gc.root", "labels.b"])).toEqual({
      a: "1",
      b: "4",
      "containerd.io/gc.root": "y",
    });
  });

  it("deletes a named label whose value is empty or missing", () => {
    expect(updateLabels(current, { a: "" }, ["labels.a"])).toEqual({ "containerd.io/gc.root": "x" });
    expect(updateLabels(current, {}, ["labels.a", "labels.absent"])).toEqual({ "containerd.io/gc.root": "x" });
  });

  it.each(["parent", "kind", "name", "label", ""])("refuses the field %s", (path) => {
    expect(() => updateLabels(current, {}, ["labels.a", path])).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
    );
  });
});

describe("formatLabels", () => {
  it("is undone by parseLabels for any key, without the empty values", () => {
    const labels = Object.fromEntries([
      ["__proto__", "p"],
      ["constructor", "c"],
      ["empty", ""],
      ["é\n", '"'],
    ]);
    expect(Object.entries(parseLabels(formatLabels(labels)))).toEqual([
      ["__proto__", "p"],
      ["constructor", "c"],
      ["é\n", '"'],
    ]);
  });
});
