import { describe, expect, it } from "vitest";
import {
  age,
  binarySize,
  ellipsis,
  familiarName,
  humanSize,
  printable,
  repositoryAndTag,
  shortId,
} from "../../../driver/cli/format.ts";
import { table, tree } from "../../../driver/cli/table.ts";

describe("humanSize", () => {
  it.each([
    [0, "0B"],
    [999, "999B"],
    [1000, "1kB"],
    [5600, "5.6kB"],
    [183_400_000, "183MB"],
    [999_900, "1MB"],
    [1_024_000_000, "1.02GB"],
    [77_777_777, "77.8MB"],
  ])("humanSize shows %d as %s", (bytes, shown) => {
    expect(humanSize(bytes)).toBe(shown);
  });
});

it("binarySize shows four digits in units of 1024", () => {
  expect([0, 1023, 1024, 1_572_864, 8_190_000_000].map(binarySize)).toEqual([
    ...["0B", "1023B", "1KiB", "1.5MiB", "7.628GiB"],
  ]);
});

describe("age", () => {
  const now = new Date("2026-06-15T12:00:00Z");
  const before = (seconds: number): string => new Date(now.getTime() - seconds * 1000).toISOString();
  it.each([
    [0, "Less than a second ago"],
    [1, "1 second ago"],
    [59, "59 seconds ago"],
    [60, "About a minute ago"],
    [600, "10 minutes ago"],
    [3600, "About an hour ago"],
    [47 * 3600, "47 hours ago"],
    [48 * 3600, "2 days ago"],
    [14 * 86_400, "2 weeks ago"],
    [60 * 86_400, "2 months ago"],
    [3 * 365 * 86_400, "3 years ago"],
  ])("age shows %d seconds as %s", (seconds, shown) => {
    expect(age(before(seconds), now)).toBe(shown);
  });

  it("age is N/A without a time, for nonsense and for the epoch", () => {
    for (const time of [null, "yesterday", "1970-01-01T00:00:00Z", "2000-01-01T00:00:00Z"]) {
      expect(age(time, now)).toBe("N/A");
    }
  });
});

describe("names", () => {
  it.each([
    ["docker.io/library/debian:12", "debian:12", "debian", "12"],
    ["docker.io/a/b:1", "a/b:1", "a/b", "1"],
    ["host:5000/x:1", "host:5000/x:1", "host:5000/x", "1"],
    ["host:5000/library/x", "host:5000/library/x", "host:5000/library/x", "<none>"],
    [`docker.io/library/x@sha256:${"a".repeat(64)}`, `x@sha256:${"a".repeat(64)}`, "x", "<none>"],
  ])("familiarName and repositoryAndTag take %s apart", (canonical, familiar, repository, tag) => {
    expect(familiarName(canonical)).toBe(familiar);
    expect(repositoryAndTag(canonical)).toEqual([repository, tag]);
  });

  it("shortId keeps 12 digits, with or without algorithm", () => {
    expect(shortId(`sha256:${"ab".repeat(32)}`)).toBe("abababababab");
    expect(shortId("cd".repeat(32))).toBe("cdcdcdcdcdcd");
  });
});

describe("printable", () => {
  it("printable disarms what a terminal would obey, and keeps one line", () => {
    expect(printable("a\u001b[31mb\u0007")).toBe("a\\u001b[31mb\\u0007");
    expect(printable("RUN a\t&& \\\n  b")).toBe("RUN a && \\   b");
    expect(printable("\u202egnp.exe")).toBe("\\u202egnp.exe");
    expect(printable("grün ✓")).toBe("grün ✓");
  });

  it("ellipsis cuts by characters, not by halves of them", () => {
    expect(ellipsis("abcdef", 4)).toBe("abc…");
    expect(ellipsis("abcd", 4)).toBe("abcd");
    expect(ellipsis("😀😀😀", 2)).toBe("😀…");
  });
});

describe("table", () => {
  it("table lays columns out as tabwriter does: ten wide at least, three apart", () => {
    expect(
      table(
        ["A", "LONG NAME", "C"],
        [
          ["1", "x", "y"],
          ["2", "a longer one", ""],
        ],
      ),
    ).toEqual([
      "A         LONG NAME      C", //
      "1         x              y",
      "2         a longer one",
    ]);
  });

  it("table keeps control characters of cells from the terminal", () => {
    expect(table(["A"], [["\u001b[2J"]])[1]).toBe("\\u001b[2J");
  });

  it("tree draws branches", () => {
    const leaf = (label: string): { label: string; children: [] } => ({ label, children: [] });
    expect(tree([{ label: "a", children: [{ label: "b", children: [leaf("c")] }, leaf("d")] }, leaf("e")])).toEqual([
      "a",
      "├── b",
      "│   └── c",
      "└── d",
      "e",
    ]);
  });

  it("tree copes with stacks as deep as images may be", () => {
    let node: { label: string; children: { label: string; children: [] }[] } = { label: "top", children: [] };
    for (let depth = 0; depth < 2000; depth++) node = { label: String(depth), children: [node as never] };
    expect(tree([node])).toHaveLength(2001);
  });
});
