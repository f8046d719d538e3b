import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { digestOf } from "../container/fake-store.ts";
import { createProgress, progressMode } from "../../../driver/cli/progress.ts";
import type { LayerProgress } from "../../../driver/index.ts";

function stream(options: { isTTY?: boolean; columns?: number; rows?: number } = {}): typeof options & {
  written: string[];
  write: (text: string) => void;
} {
  const written: string[] = [];
  return { ...options, written, write: (text: string) => written.push(text) };
}

function event(letter: string, phase: LayerProgress["phase"], doneBytes = 0): LayerProgress {
  return { image: "app:1", layer: digestOf(letter), phase, doneBytes, totalBytes: 2_000_000 };
}

describe("progressMode", () => {
  const tty = stream({ isTTY: true });
  it.each([
    ["a terminal that can", tty, { TERM: "xterm" }, "tty"],
    ["a pipe", stream(), { TERM: "xterm" }, "plain"],
    ["a dumb terminal", tty, { TERM: "dumb" }, "plain"],
    ["a terminal of unknown kind", tty, {}, "plain"],
    ["continuous integration", tty, { TERM: "xterm", CI: "true" }, "plain"],
  ])("progressMode chooses for %s", (_, to, env, mode) => {
    expect(progressMode("auto", to, env)).toBe(mode);
    expect(progressMode(undefined, to, env)).toBe(mode);
  });

  it("progressMode does as it is told", () => {
    expect(progressMode("tty", stream(), {})).toBe("tty");
    expect(progressMode("json", tty, { TERM: "xterm" })).toBe("json");
  });
});

describe("createProgress", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("createProgress in plain mode writes one line a change of state", () => {
    const to = stream();
    const view = createProgress("plain", to, {});
    view.update(event("a", "waiting"));
    view.update(event("a", "extracting", 1));
    view.update(event("a", "extracting", 2));
    view.update(event("b", "reused"));
    view.update(event("a", "done", 2_000_000));
    view.end();
    expect(to.written).toEqual([
      "app:1: aaaaaaaaaaaa: waiting\n",
      "app:1: aaaaaaaaaaaa: extracting 2MB\n",
      "app:1: bbbbbbbbbbbb: reused\n",
      "app:1: aaaaaaaaaaaa: done 2MB\n",
    ]);
  });

  it("createProgress in json mode writes one object a line, each state at once and repeats seldom", () => {
    const to = stream();
    const view = createProgress("json", to, {});
    view.update(event("a", "extracting", 1));
    view.update(event("a", "extracting", 2));
    vi.advanceTimersByTime(200);
    view.update(event("a", "extracting", 3));
    view.update(event("a", "done", 2_000_000));
    const events = to.written.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map(({ phase, doneBytes }) => [phase, doneBytes])).toEqual([
      ["extracting", 1],
      ["extracting", 3],
      ["done", 2_000_000],
    ]);
    expect(Object.keys(events[0] ?? {}).sort()).toEqual(
      ["type", "time", "image", "layer", "phase", "doneBytes", "totalBytes"].sort(),
    );
  });

  it("createProgress in tty mode redraws its lanes in place and within the width", () => {
    const to = stream({ columns: 60, rows: 24 });
    const view = createProgress("tty", to, { NO_COLOR: "1" });
    view.update(event("a", "extracting", 1_000_000));
    view.update(event("b", "waiting"));
    vi.advanceTimersByTime(100);
    view.update(event("a", "done", 2_000_000));
    view.end();
    const [first = "", last = ""] = to.written;
    expect(first).toMatch(/^\rapp:1 aaaaaaaaaaaa extracting \[#+/);
    expect(last.startsWith("\u001b[2A")).toBe(true);
    expect(last).toContain("app:1 aaaaaaaaaaaa done 2MB");
    for (const line of first.split("\n")) expect(line.replace(/\r|\u001b\[[0-9]*[A-Z]/g, "").length).toBeLessThan(60);
  });

  it("createProgress in tty mode draws no more lanes than fit", () => {
    const to = stream({ columns: 60, rows: 3 });
    const view = createProgress("tty", to, {});
    for (const letter of ["a", "b", "c", "d"]) view.update(event(letter, "waiting"));
    view.update(event("e", "extracting"));
    vi.advanceTimersByTime(100);
    expect(to.written[0]?.split("\n")).toHaveLength(3);
    expect(to.written[0]).toContain("eeeeeeeeeeee");
  });

  it("createProgress without progress writes nothing", () => {
    const to = stream();
    createProgress("none", to, {}).update(event("a", "done"));
    expect(to.written).toEqual([]);
  });
});
