import { describe, expect, it } from "vitest";
import { UsageError } from "../../../driver/cli/errors.ts";
import { flagOf, normalise, OptionValues } from "../../../driver/cli/options.ts";

const flags = [
  { flags: "-i, --interactive" },
  { flags: "-t, --tty" },
  { flags: "--rm" },
  { flags: "-e, --env <variable>" },
  { flags: "-H, --human", onByDefault: true },
].map(flagOf);

const run = (...words: readonly string[]): readonly string[] => normalise(words, flags, true);

describe("normalise", () => {
  it.each([
    [["-it"], ["--interactive", "--tty"]],
    [["-ti"], ["--tty", "--interactive"]],
    [["-i=false", "-t"], ["--tty"]],
    [["--rm=false"], []],
    [["--rm", "--rm=false"], []],
    [["--rm=false", "--rm"], ["--rm"]],
    [
      ["--rm=1", "--tty=T"],
      ["--rm", "--tty"],
    ],
    [["-H=false"], ["--no-human"]],
    [["--human=false"], ["--no-human"]],
    [["-eA=b"], ["--env=A=b"]],
    [["-e=A"], ["--env=A"]],
    [["-e", "-x"], ["--env=-x"]],
    [
      ["-ite", "A=b=c"],
      ["--env=A=b=c", "--interactive", "--tty"],
    ],
    [
      ["--env", "A", "--env=B"],
      ["--env=A", "--env=B"],
    ],
    [["--env="], ["--env="]],
  ])("normalise reads %j as %j", (words, expected) => {
    expect(run(...words)).toEqual([...expected, "--"]);
  });

  it("normalise leaves everything after the first argument alone when options stop there", () => {
    expect(run("--rm", "image", "--rm=false", "--", "-it")).toEqual(["--rm", "--", "image", "--rm=false", "--", "-it"]);
  });

  it("normalise takes options after arguments when they do not stop", () => {
    expect(normalise(["a", "--rm", "b"], flags)).toEqual(["--rm", "--", "a", "b"]);
  });

  it("normalise takes words after -- as arguments, and a lone dash too", () => {
    expect(normalise(["--", "--rm"], flags)).toEqual(["--", "--rm"]);
    expect(normalise(["-", "--rm"], flags)).toEqual(["--rm", "--", "-"]);
  });

  it("normalise passes on what it does not know", () => {
    expect(run("--nope=1", "-zt")).toEqual(["--nope=1", "-z", "--tty", "--"]);
  });

  it("normalise refuses a missing value and a switch that is neither true nor false", () => {
    expect(() => run("-e")).toThrow(UsageError);
    expect(() => run("--env")).toThrow(/--env needs a value/);
    expect(() => run("--rm=maybe")).toThrow(/--rm is true or false/);
  });
});

describe("OptionValues", () => {
  const values = new OptionValues({ trunc: false, env: ["a", "b"], name: "x", human: false });

  it("OptionValues finds values by their long names", () => {
    expect(values.isOn("no-trunc")).toBe(true);
    expect(values.isOn("human")).toBe(false);
    expect(values.isOn("no-prune")).toBe(false);
    expect(values.isOn("missing")).toBe(false);
    expect(values.list("env")).toEqual(["a", "b"]);
    expect(values.list("name")).toEqual([]);
    expect(values.text("name")).toBe("x");
    expect(values.text("env")).toBeUndefined();
  });
});
