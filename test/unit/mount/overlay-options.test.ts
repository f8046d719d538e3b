import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatOverlayOptions, maxLowerDirs, parseOverlayOptions } from "../../../driver/mount/overlay-options.ts";

describe("formatOverlayOptions", () => {
  it("writes workdir, upperdir and lowerdir, topmost first, before the rest", () => {
    const options = { lowerDirs: ["/top", "/bottom"], upperDir: "/u", workDir: "/w", others: ["index=off"] };
    expect(formatOverlayOptions(options)).toEqual(["workdir=/w", "upperdir=/u", "lowerdir=/top:/bottom", "index=off"]);
  });

  it("leaves out upperdir and workdir of a read-only overlay", () => {
    expect(formatOverlayOptions({ lowerDirs: ["/a", "/b"], others: [] })).toEqual(["lowerdir=/a:/b"]);
  });

  it("escapes what separates options and directories", () => {
    expect(formatOverlayOptions({ lowerDirs: ["/a,b", "/c:d\\e"], others: [] })).toEqual([
      "lowerdir=/a\\,b:/c\\:d\\\\e",
    ]);
  });
});

describe("parseOverlayOptions", () => {
  it("gives back what was formatted, whatever the names", () => {
    const path = fc.string({ minLength: 1, unit: fc.constantFrom("a", "/", ":", ",", "\\", "=", " ", "é") });
    const options = fc.record({
      lowerDirs: fc.array(path, { minLength: 1, maxLength: 5 }),
      dirs: fc.option(fc.record({ upperDir: path, workDir: path }), { nil: {} }),
      others: fc.subarray(["index=off", "userxattr"]),
    });
    fc.assert(
      fc.property(options, ({ lowerDirs, dirs, others }) => {
        const whole = { lowerDirs, upperDir: undefined, workDir: undefined, ...dirs, others };
        expect(parseOverlayOptions(formatOverlayOptions(whole))).toEqual(whole);
      }),
    );
  });

  it.each([
    ["no lowerdir", ["upperdir=/u", "workdir=/w"]],
    ["an upperdir without workdir", ["lowerdir=/l", "upperdir=/u"]],
    ["a workdir without upperdir", ["lowerdir=/l", "workdir=/w"]],
    ["a data-only lowerdir", ["lowerdir=/l::/data"]],
    ["too many lowerdirs", [`lowerdir=${Array.from({ length: maxLowerDirs + 1 }, () => "/l").join(":")}`]],
  ])("refuses %s", (_, options) => {
    expect(() => parseOverlayOptions(options)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  });
});
