import { describe, expect, it } from "vitest";
import { catalog, findCommand } from "../../../driver/cli/catalog.ts";
import { asksForHelp, commandParser, parseCommand, parseGlobals } from "../../../driver/cli/command-line.ts";
import { UsageError } from "../../../driver/cli/errors.ts";
import { command as history } from "../../../driver/cli/commands/history.ts";
import { command as run } from "../../../driver/cli/commands/run.ts";
import { overview, suggestions } from "../../../driver/cli/help.ts";
import { splitLine } from "../../../driver/cli/split-line.ts";

describe("splitLine", () => {
  it.each([
    ["--root /x images -q", "images", ["--root", "/x"], ["-q"]],
    ["--root=/x image ls", "image ls", ["--root=/x"], []],
    ["image --help", "image", [], ["--help"]],
    ["run image ls", "run", [], ["image", "ls"]],
    ["snapshots usage k", "snapshots usage", [], ["k"]],
    ["", "", [], []],
    ["--version", "", ["--version"], []],
  ])("splitLine finds the command in %j", (line, path, before, after) => {
    expect(splitLine(line.split(" ").filter(Boolean))).toEqual({ path, before, after });
  });
});

describe("parseCommand", () => {
  it("parseCommand ends options of run at the image", () => {
    const { words, options } = parseCommand("run", run, ["--rm", "-eA=1", "-e", "B", "img", "sh", "-c", "--rm=false"]);
    expect(words).toEqual(["img", "sh", "-c", "--rm=false"]);
    expect(options.isOn("rm")).toBe(true);
    expect(options.list("env")).toEqual(["A=1", "B"]);
  });

  it("parseCommand takes global options among the command's own", () => {
    const { options } = parseCommand("history", history, ["debian", "--backend", "copy", "--no-trunc"]);
    expect(options.text("backend")).toBe("copy");
    expect(options.isOn("no-trunc")).toBe(true);
  });

  it("parseCommand switches off what is on by default", () => {
    expect(parseCommand("history", history, ["x"]).options.isOn("human")).toBe(true);
    expect(parseCommand("history", history, ["x", "-H=false"]).options.isOn("human")).toBe(false);
    expect(parseCommand("history", history, ["x", "--human=false"]).options.isOn("human")).toBe(false);
  });

  it.each([
    [["--nope", "x"], /unknown option '--nope'/],
    [[], /missing required argument 'image'/],
    [["a", "b"], /too many arguments/],
    [["--backend", "zfs", "x"], /zfs.* is invalid/],
  ])("parseCommand refuses %j", (words, message) => {
    expect(() => parseCommand("history", history, words)).toThrow(UsageError);
    expect(() => parseCommand("history", history, words)).toThrow(message);
  });

  it("parseGlobals refuses a command's options before the command", () => {
    expect(() => parseGlobals(["--rm"])).toThrow(UsageError);
    expect(parseGlobals(["--root", "/x"]).text("root")).toBe("/x");
  });
});

describe("help", () => {
  it("asksForHelp knows -h unless the command has it for something else", () => {
    expect(asksForHelp(history, ["-h"])).toBe(true);
    expect(asksForHelp(history, ["x", "--help"])).toBe(true);
    expect(asksForHelp(run, ["-h", "name", "img"])).toBe(false);
    expect(asksForHelp(run, ["img", "--help"])).toBe(false);
    expect(asksForHelp(run, ["--help"])).toBe(true);
  });

  it("suggestions finds near names only", () => {
    expect(suggestions("imagse")).toContain("images");
    expect(suggestions("frobnicate")).toEqual([]);
  });

  it("overview lists every command once, and a group its own", () => {
    for (const { names } of catalog) expect(overview("")).toContain(`  ${names[0] ?? ""} `);
    expect(overview("system")).toContain("  df ");
    expect(overview("system")).not.toContain("  load ");
  });
});

describe("catalog", () => {
  it("catalog has each name once", () => {
    const names = catalog.flatMap((entry) => entry.names);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(catalog.map(({ names }) => names[0] ?? ""))("%s parses, explains itself and gives examples", async (path) => {
    const { command } = (await findCommand(path)?.load()) ?? expect.fail("not in the catalog");
    expect(command.examples.length).toBeGreaterThan(0);
    for (const example of command.examples) expect(example).toContain("laminate ");
    let help = "";
    commandParser(path, command)
      .configureOutput({ writeOut: (text) => (help += text) })
      .outputHelp();
    expect(help).toContain(`Usage: laminate ${path}`);
    expect(help).toContain("Examples:");
    expect(help).toContain("--root <dir>");
  });
});
