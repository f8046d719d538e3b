/** The same commands by podman and by us, on the same image: all is equal but what podman-differences.ts lists. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LifeStore } from "../e2e/life-store.ts";
import { Podman, type PodmanAnswer as Answer, podmanRunOptions } from "../fixtures/podman.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { type DifferenceName, differences, documented } from "./podman-differences.ts";

const need = needAll(needRoot(), needPrograms("podman", "runc"));

describe.skipIf(need.missing)("podman's command line and ours", { timeout: 600_000 }, () => {
  const store = new LifeStore({ LAMINATE_RUNTIME: "runc" });
  const podman = new Podman(store.folder);

  beforeAll(async () => {
    await store.load();
    const archive = join(store.folder, "made.tar");
    store.ok("run", "--name", "first", "base:1", "sh", "-c", "echo 1 > /made");
    store.ok("commit", "-m", "Add a file", "-a", "Ann", "first", "made:1");
    // On a layer of its own: podman tells images in a history by their topmost layers.
    store.ok("run", "--name", "second", "made:1", "sh", "-c", "echo 2 > /made");
    store.ok("commit", "-c", 'CMD ["ls", "/made"]', "-c", "STOPSIGNAL SIGINT", "-c", "USER ann", "second", "made:2");
    store.ok("rm", "first", "second");
    store.ok("save", "-o", archive, "base:1", "made:1", "made:2");
    podman.ok("load", "-q", "-i", archive);
    for (const name of ["base:1", "made:1", "made:2"]) {
      podman.ok("tag", `localhost/${name}`, `docker.io/library/${name}`);
      podman.ok("untag", `localhost/${name}`, `localhost/${name}`);
    }
  });

  afterAll(() => {
    podman[Symbol.dispose]();
    store[Symbol.dispose]();
  });

  /** Both answers; podman is told of this machine's limits. */
  function both(...words: readonly string[]): { readonly theirs: Answer; readonly ours: Answer } {
    const [command = "", ...rest] = words;
    const isRun = command === "run" || command === "create";
    const theirs = podman.run(isRun ? [command, ...podmanRunOptions, ...rest] : words);
    return {
      theirs: { ...theirs, stdout: theirs.stdout.replaceAll("docker.io/library/", "") },
      ours: store.run(words),
    };
  }

  /** Ours, which is what podman says. */
  function same(...words: readonly string[]): Answer {
    const { theirs, ours } = both(...words);
    expect({ words, status: ours.status, stdout: ours.stdout }).toEqual({
      words,
      status: theirs.status,
      stdout: theirs.stdout,
    });
    return ours;
  }

  /** What both print of these, pair by pair. */
  function inspected(type: string, names: readonly string[]): readonly { theirs: unknown; ours: unknown }[] {
    const { theirs, ours } = both(type, "inspect", ...names);
    const [all, own] = [JSON.parse(theirs.stdout), JSON.parse(ours.stdout)] as [unknown[], unknown[]];
    return names.map((_, at) => ({ theirs: all[at], ours: own[at] }));
  }

  /** A field by its path. */
  function at(document: unknown, path: string): unknown {
    return path.split(".").reduce((value, name) => (value as Record<string, unknown>)[name], document);
  }

  const proven = new Set<DifferenceName>();
  /** It still is one, and it is written down. */
  function differs(name: DifferenceName, ours: unknown, theirs: unknown): void {
    expect(ours).not.toEqual(theirs);
    proven.add(name);
  }

  /** Cells by row, sizes without the blank in them. */
  function cells({ stdout }: Answer): readonly (readonly string[])[] {
    const lines = stdout.trimEnd().split("\n");
    return lines.map((line) =>
      line
        .replaceAll(/(\d) ([kMG]?B)\b/g, "$1$2")
        .split(/ {2,}/)
        .filter(Boolean),
    );
  }

  /** A size whatever it counts, a time whenever it was asked. */
  function plain(cell: string): string {
    return cell
      .trim()
      .replace(/^[\d.]+[kMG]?B$/, "SIZE")
      .replaceAll(/(?:Less than a|About an?|\d+) (?:second|minute|hour)s?/g, "TIME");
  }

  function rows(answer: Answer): readonly (readonly string[])[] {
    return cells(answer).map((row) => row.map(plain));
  }

  it("list images alike", () => {
    const { theirs, ours } = both("images");
    expect(rows(ours).toSorted()).toEqual(rows(theirs).toSorted());
    differs("names", podman.ok("images").includes("docker.io/library/"), store.ok("images").includes("docker.io"));
    differs("tables", ours.stdout.split("\n")[0], theirs.stdout.split("\n")[0]);
    for (const words of [
      ["-q", "base"],
      ["-q", "--no-trunc", "base"],
    ])
      same("images", ...words);
    same("images", "--format", "{{.Repository}} {{.Tag}} {{.ID}}", "base");
    const json = both("images", "--format", "json");
    differs("json", json.ours.stdout[0], json.theirs.stdout[0]);
  });

  it("tell an image's history alike", () => {
    const { theirs, ours } = both("history", "made:2");
    const [[ourId, ...ourHeader] = [], ...ourRows] = rows(ours);
    const [[theirId, ...theirHeader] = [], ...theirRows] = rows(theirs);
    expect([ourHeader, ...ourRows]).toEqual([theirHeader, ...theirRows]);
    differs("historyId", ourId, theirId);
    differs("sizes", cells(ours).at(-1), cells(theirs).at(-1));
    same("history", "-q", "made:2");
    const whole = both("history", "-q", "--no-trunc", "made:1");
    expect(whole.ours.stdout.replaceAll("sha256:", "")).toBe(whole.theirs.stdout);
    differs("wholeIds", whole.ours.stdout, whole.theirs.stdout);
    same("history", "--format", "{{.ID}}|{{.CreatedBy}}|{{.Comment}}", "made:2");
  });

  it.each([
    { status: 0, words: ["made:1", "cat", "/made"] },
    { status: 0, words: ["made:2"] },
    { status: 7, words: ["made:1", "sh", "-c", "exit 7"] },
    { status: 126, words: ["made:1", "/etc/passwd"] },
    { status: 127, words: ["made:1", "/nope"] },
    { status: 143, words: ["made:1", "sh", "-c", "sh -c 'kill -TERM $$'"] },
  ])("run ends with $status: $words", ({ status, words }) => {
    expect(same("run", "--rm", ...words).status).toBe(status);
  });

  it("list and inspect containers alike, and end what runs in them", () => {
    both("run", "-d", "--name", "up", "--label", "a=b", "made:2", "sleep", "1000");
    both("create", "--name", "new", "-w", "/tmp", "-u", "root", "--entrypoint", "ls", "made:2", "/made");
    const shown = both("ps", "-a");
    /** Without IDs; COMMAND and Up are looked at below. */
    const alike = (answer: Answer) =>
      rows(answer)
        .map(([, ...row]) => row.map((cell) => cell.replace(/^"?(?:ls )?\/made"?$/, "COMMAND").replaceAll('"', "")))
        .map((row) => row.map((cell) => cell.replace(/^(Up .*) ago$/, "$1")))
        .toSorted();
    expect(alike(shown.ours)).toEqual(alike(shown.theirs));
    differs("command", shown.ours.stdout.includes('"ls /made"'), shown.theirs.stdout.includes('"ls /made"'));
    differs("up", /Up [\w ]+ ago/.test(shown.ours.stdout), /Up [\w ]+ ago/.test(shown.theirs.stdout));
    const named = both("ps", "-a", "--format", "{{.Names}}");
    differs("order", named.ours.stdout, named.theirs.stdout);
    expect(named.ours.stdout.split("\n").toSorted()).toEqual(named.theirs.stdout.split("\n").toSorted());
    const states = both("ps", "--format", "{{.State}}");
    differs("state", states.ours.stdout, states.theirs.stdout);
    same("ps", "-a", "--filter", "label=a=b", "--format", "{{.Names}} {{.Image}}");

    const process = [
      "Path",
      "Args",
      "Config.User",
      "Config.WorkingDir",
      "Config.Tty",
      "Config.OpenStdin",
      "Config.Cmd",
    ];
    const state = ["Name", "State.Status", "State.Running", "State.Paused", "State.ExitCode", "State.FinishedAt"];
    const rest = ["Config.Labels", "Config.Image", "HostConfig.AutoRemove", "HostConfig.NetworkMode"];
    const host = ["ReadonlyRootfs", "Privileged", "CapAdd", "Memory", "NanoCpus"].map((field) => `HostConfig.${field}`);
    const pairs = inspected("container", ["up", "new"]);
    for (const { theirs, ours } of pairs)
      for (const field of [...process, ...state, ...rest, ...host])
        expect([field, at(ours, field)]).toEqual([field, at(theirs, field)]);
    const [, created] = pairs;
    for (const [difference, field] of [
      ["ids", "Image"],
      ["entrypoint", "Config.Entrypoint"],
      ["stopSignal", "Config.StopSignal"],
      ["environment", "Config.Env"],
      ["hostname", "Config.Hostname"],
    ] as const) {
      differs(difference, at(created?.ours, field), at(created?.theirs, field));
    }

    for (const words of [["id"], ["sh", "-c", "exit 9"], ["/etc/passwd"], ["nope"], ["sh", "-c", "kill -9 $$"]])
      same("exec", "up", ...words);
    same("exec", "-e", "A=1", "-w", "/home", "-u", "root", "up", "sh", "-c", "echo $A $PWD $(id -u)");
    same("kill", "up");
    same("wait", "up");
    same("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "up");
    const changes = both("diff", "up");
    expect(changes.theirs.stdout).toBe("C /etc\n");
    expect(changes.ours.stdout).toBe("");
    differs("mountPoints", changes.ours.stdout, changes.theirs.stdout);
    same("rename", "up", "down");
    same("rm", "down");
    same("rm", "-f", "new");
  });

  it("inspect images alike", () => {
    const facts = ["RepoTags", "Created", "Author", "Architecture", "Os", "RootFS"];
    const config = ["User", "Env", "Cmd", "Volumes", "Labels", "StopSignal"].map((field) => `Config.${field}`);
    const images = inspected("image", ["base:1", "made:1", "made:2"]);
    for (const { theirs, ours } of images)
      for (const field of [...facts, ...config]) expect([field, at(ours, field)]).toEqual([field, at(theirs, field)]);
    differs("comment", at(images[1]?.ours, "Comment"), at(images[1]?.theirs, "Comment"));
  });

  const failures: readonly (readonly [DifferenceName | null, ours: number, theirs: number, ...words: string[]])[] = [
    ["unknown", 1, 125, "history", "nope"],
    ["unknown", 1, 125, "inspect", "nope"],
    ["unknown", 1, 125, "tag", "nope", "x"],
    ["unknown", 1, 125, "commit", "nope", "x"],
    [null, 1, 1, "rm", "nope"],
    [null, 1, 1, "rmi", "nope"],
    [null, 125, 125, "run", "localhost:1/nope"],
    [null, 125, 125, "exec", "nope", "ls"],
    [null, 125, 125, "run", "--bogus", "made:1"],
    ["usage", 1, 125, "ps", "--bogus"],
    ["usage", 1, 125, "history"],
    ["badUser", 125, 126, "run", "-u", "nobody-at-all", "made:1"],
    ["inUse", 1, 2, "rmi", "made:1"],
    ["stopped", 125, 255, "exec", "ended", "ls"],
  ];

  it("fail alike", () => {
    both("create", "--name", "ended", "made:1", "sh");
    for (const [name, ourStatus, theirStatus, ...words] of failures) {
      const { theirs, ours } = both(...words);
      const told = (answer: Answer): object => ({ words, status: answer.status, stdout: answer.stdout });
      expect(told(ours)).toEqual({ words, status: ourStatus, stdout: theirs.stdout });
      expect(told(theirs)).toEqual({ words, status: theirStatus, stdout: theirs.stdout });
      expect(ours.stderr).toMatch(/^(?:Unable to find image .+\n)?laminate: .+\n$/);
      differs("errors", ours.stderr, theirs.stderr);
      if (name !== null) differs(name, ourStatus, theirStatus);
    }
    both("rm", "-f", "ended");
  });

  it("differ in nothing but what is written down", () => {
    expect([...proven].toSorted()).toEqual(Object.keys(differences).toSorted());
    const document = readFileSync(join(import.meta.dirname, "../../CONTRIBUTING.md"), "utf8");
    const section = document.split("\n## ").find((text) => text.startsWith("Where the command line differs")) ?? "";
    const rows = section.split("\n").filter((line) => line.startsWith("| "));
    expect(rows.slice(2).map((row) => row.replaceAll(/ +/g, " "))).toEqual(documented());
  });
});
