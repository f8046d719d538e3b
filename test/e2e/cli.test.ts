/** The command as people run it: its own process, its streams and its exit codes. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { blobPath, buildDockerArchive, flipByte, sha256, writeOciLayout } from "../fixtures/image-builder.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { needPrograms } from "../need.ts";
import { makeRootfs } from "../privileged/container-rootfs.ts";

const main = javascriptOf("cli/main.ts");
const digest = /sha256:[0-9a-f]{64}/;

let folder = "";
let archive = "";
let layout = "";

function commandLine(words: readonly string[], root = join(folder, "root")): string[] {
  return ["--disable-warning=ExperimentalWarning", main, "--root", root, "--durability", "none", ...words];
}

function laminate(words: readonly string[], options: { input?: Uint8Array; env?: Record<string, string> } = {}) {
  const env = { ...process.env, TERM: "xterm", ...options.env };
  const { status, stdout, stderr } = spawnSync(process.execPath, commandLine(words), {
    encoding: "utf8",
    env,
    ...(options.input && { input: options.input }),
  });
  return { status, stdout, stderr };
}

/** Standard output of a command that must work. */
function ok(...words: readonly string[]): string {
  const { status, stdout, stderr } = laminate(words);
  expect({ words, status, stderr: status === 0 ? "" : stderr }).toEqual({ words, status: 0, stderr: "" });
  return stdout;
}

function json(...words: readonly string[]): unknown {
  return JSON.parse(ok(...words));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "laminate-cli-"));
  const files = join(folder, "files");
  makeRootfs(files);
  const base = {
    tar: execFileSync("tar", ["-C", files, "--numeric-owner", "--owner=0", "--group=0", "-c", "."], {
      maxBuffer: 2 ** 28,
    }),
  };
  const script = 'echo "app $*"; exit 7';
  const app = {
    tar: tar([
      { path: "app/", type: "directory", mode: 0o755 },
      { path: "app/run.sh", data: script },
    ]),
  };
  const images = [
    { names: ["docker.io/library/base:1"], layers: [base], config: { Cmd: ["sh"], Env: ["PATH=/bin"] } },
    {
      names: ["docker.io/library/app:1"],
      layers: [base, app],
      config: { Entrypoint: ["sh", "/app/run.sh"], Cmd: ["by", "default"], Env: ["PATH=/bin"], WorkingDir: "/work" },
    },
    { names: ["docker.io/library/empty:1"], layers: [], config: { Cmd: ["sh"] } },
  ];
  archive = join(folder, "images.tar");
  writeFileSync(archive, await buildDockerArchive(images));
  layout = await writeOciLayout(join(folder, "layout"), images.slice(0, 2));
  ok("load", "-q", "-i", archive);
});

afterAll(() => {
  removeTree(folder);
});

describe("laminate", () => {
  it("says its version and helps, without opening a store", () => {
    expect(ok("--version")).toMatch(/^laminate version \d+\.\d+\.\d+\n$/);
    expect(ok("run", "--help")).toContain("Usage: laminate run [options] <image> [command...]");
    expect(ok("image")).toContain("laminate image [options] <command>");
    expect(ok("help", "load")).toContain("Usage: laminate load");
  });

  it.each([
    [["frobnicate"], 1, /is not a command/],
    [["imagse"], 1, /did you mean .*images/],
    [["history"], 1, /missing required argument 'image'; see 'laminate history --help'/],
    [["images", "--format", "yaml"], 1, /--format is table or json/],
    [["--backend", "zfs", "images"], 1, /zfs/],
    [["run", "--frobnicate", "base:1"], 125, /unknown option/],
    [["run"], 125, /missing required argument/],
    [["run", "nope"], 125, /cannot find image nope/],
    [["run", "empty:1"], 125, /no layers/],
    [["run", "-w", "x", "base:1"], 125, /not an absolute path/],
    [["history", "nope"], 1, /cannot find image nope/],
    [["load", "-i", "/nowhere.tar"], 1, /nowhere/],
  ])("%j fails with %d in one line on standard error", (words, exitCode, message) => {
    const { status, stdout, stderr } = laminate(words);
    expect({ status, stdout }).toEqual({ status: exitCode, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^(?:Unable to find image [^\n]+\n)?laminate: [^\n]+\n$/);
  });

  it("load reads archives, layouts and standard input, and tells progress apart from results", () => {
    const fromFile = laminate(["--root", join(folder, "second"), "load", "-i", archive]);
    expect(fromFile).toMatchObject({ status: 0 });
    expect(fromFile.stdout).toBe("Loaded image: base:1\nLoaded image: app:1\nLoaded image: empty:1\n");
    expect(fromFile.stderr).toMatch(/: [0-9a-f]{12}: extracting/);
    expect(fromFile.stderr).not.toContain("\u001b");

    const again = laminate(["--root", join(folder, "second"), "--progress", "json", "load", "-i", layout]);
    expect(again.stdout).toBe("Loaded image: base:1\nLoaded image: app:1\n");
    const events = again.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(event).toMatchObject({ type: "layer", phase: "reused" });

    const piped = laminate(["--root", join(folder, "third"), "load", "-q", "--json"], { input: readFileSync(archive) });
    expect(piped).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(piped.stdout)).toMatchObject([
      { names: ["docker.io/library/base:1"], layersExtracted: 1, layersReused: 0 },
      { names: ["docker.io/library/app:1"], layersExtracted: 1, layersReused: 1 },
      { names: ["docker.io/library/empty:1"] },
    ]);
  });

  it("load of a spoiled layer names both digests and leaves nothing", async () => {
    const layer = tar([{ path: "a", data: "b" }]);
    const bad = await writeOciLayout(
      join(folder, "bad"),
      [{ names: ["bad:1"], layers: [{ tar: layer, compression: "none" }] }],
      {
        edit: (files) => {
          const path = blobPath(sha256(layer));
          const bytes = files.get(path);
          if (bytes instanceof Uint8Array) files.set(path, flipByte(bytes, 512));
        },
      },
    );
    const { status, stdout, stderr } = laminate(["--root", join(folder, "clean"), "load", "-q", "-i", bad]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.match(/sha256:[0-9a-f]{64}/g)?.length).toBeGreaterThanOrEqual(2);
    expect(laminate(["--root", join(folder, "clean"), "images", "-q"]).stdout).toBe("");
    expect(laminate(["--root", join(folder, "clean"), "snapshots", "ls", "-q"]).stdout).toBe("");
    expect(readdirSync(join(folder, "clean/staging")).filter((name) => name !== "lock")).toEqual([]);
  });

  it("images prints Docker's columns, ids only, lines of JSON or one document", () => {
    const [header, ...rows] = ok("images").trimEnd().split("\n");
    expect(header).toMatch(/^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/);
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 2))).toEqual(
      expect.arrayContaining([
        ["app", "1"],
        ["base", "1"],
      ]),
    );
    expect(ok("image", "ls", "-q", "--no-trunc", "app:1")).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(ok("images", "--digests", "app")).toMatch(digest);
    expect(json("images", "--json")).toHaveLength(3);
    const lines = ok("images", "--format", "json").trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { Repository: string }).Repository).sort()).toEqual([
      ...["app", "base", "empty"],
    ]);
    expect(ok("images", "--format", "{{.Repository}}:{{.Tag}}", "app")).toBe("app:1\n");
    expect(ok("images", "--format", "table {{.Tag}}\\t{{.Repository}}", "app")).toBe(
      "TAG       REPOSITORY\n1         app\n",
    );
    expect(ok("inspect", "-f", "{{json .Config.Cmd}} {{len .RootFS.Layers}}", "base:1")).toBe('["sh"] 1\n');
  });

  it("history prints Docker's columns, and layers when asked", () => {
    const lines = ok("history", "app:1").trimEnd().split("\n");
    expect(lines[0]).toMatch(/^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/);
    expect(lines[1]).toMatch(/^[0-9a-f]{12} /);
    // The lower layers are an image of their own.
    expect(lines[2]?.split(" ")[0]).toBe(ok("images", "-q", "base:1").trimEnd());
    const exact = ok("history", "--human=false", "app:1").split("\n");
    expect(exact[0]).toContain("CREATED AT");
    expect(exact[1]).toMatch(/\d{4}-\d\d-\d\dT.* \d+/);
    const layers = ok("image", "history", "--layers", "app:1").split("\n");
    expect(layers[0]).toMatch(/LAYER DIGEST +DIFF ID +CHAIN ID +SHARED BY$/);
    expect(layers[2]).toContain("base:1");
  });

  it("inspect prints an array of what there is, and says what there is not", () => {
    expect(json("inspect", "app:1")).toMatchObject([
      {
        Id: expect.stringMatching(digest) as string,
        RepoTags: ["app:1"],
        Config: { Entrypoint: ["sh", "/app/run.sh"], WorkingDir: "/work" },
        RootFS: { Type: "layers", Layers: [expect.stringMatching(digest), expect.stringMatching(digest)] },
      },
    ]);
    const { status, stdout, stderr } = laminate(["inspect", "nope"]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "[]\n" });
    expect(stderr).toContain("cannot find container or image nope");
    const some = laminate(["image", "inspect", "nope", "base:1"]);
    expect(some.status).toBe(1);
    expect(JSON.parse(some.stdout)).toMatchObject([{ RepoTags: ["base:1"] }]);
  });

  it("image tree and snapshots show what is shared", () => {
    expect(ok("image", "tree")).toMatch(/^[0-9a-f]{12} \S+ \[base:1\]\n└── [0-9a-f]{12} \S+ \[app:1\]\n/);
    expect(ok("snapshots", "tree")).toMatch(/^[0-9a-f]{12}\n└── [0-9a-f]{12}\n/);
    expect(json("snapshots", "ls", "--json", "kind==committed")).toHaveLength(2);
    expect(json("snapshots", "usage", "--json")).toHaveLength(2);
    expect(laminate(["snapshots", "ls", "kind=~("]).status).toBe(1);
  });

  it("system df counts shared layers once", () => {
    const [images] = json("system", "df", "--json") as [{ total: number; sizeBytes: number }];
    const { layerBytes, images: each } = json("system", "df", "-v", "--json") as {
      layerBytes: number;
      images: { names: string[]; sizeBytes: number; sharedBytes: number; uniqueBytes: number }[];
    };
    expect(images).toMatchObject({ type: "Images", total: 3, sizeBytes: layerBytes });
    const app = each.find(({ names }) => names.includes("docker.io/library/app:1"));
    expect(app?.sizeBytes).toBe((app?.sharedBytes ?? 0) + (app?.uniqueBytes ?? 0));
    expect(layerBytes).toBe(app?.sizeBytes);
    expect(ok("system", "df", "-v")).toMatch(/SHARED SIZE +UNIQUE SIZE +CONTAINERS/);
  });

  it("info tells what was chosen and why", () => {
    const text = ok("info");
    for (const label of ["Backend: ", "Digest engine: ", "Runtime: ", "Kernel:", "Images: 3"]) {
      expect(text).toContain(label);
    }
    expect(json("info", "--json")).toMatchObject({ images: 3, root: join(folder, "root") });
  });

  it("tag and rmi give and take names", () => {
    ok("tag", "app:1", "other:2");
    expect(ok("images", "-q", "other:2")).toBe(ok("images", "-q", "app:1"));
    expect(ok("rmi", "other:2")).toBe("Untagged: other:2\n");
    const { status, stdout, stderr } = laminate(["rmi", "nope", "empty:1"]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^Untagged: empty:1\nDeleted: sha256:/);
    expect(stderr).toContain("cannot find image nope");
  });

  it("Ctrl-C while loading exits with 130 and leaves nothing", async () => {
    const root = join(folder, "interrupted");
    const noise = Buffer.alloc(2 ** 26, randomBytes(2 ** 20));
    const large = await writeOciLayout(join(folder, "large"), [
      { names: ["large:1"], layers: [{ tar: tar([{ path: "noise", data: noise }]), compression: "none" }] },
    ]);
    const child = spawn(process.execPath, commandLine(["load", "-i", large], root), {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await once(child.stderr, "data");
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([130, null]);
    expect(laminate(["--root", root, "images", "-q"]).stdout).toBe("");
    const left = readdirSync(join(root, "staging")).filter((name) => name !== "lock");
    expect([...left, ...readdirSync(join(root, "blobs/sha256"))]).toEqual([]);
  });

  it("output that nobody reads is no error", () => {
    const line = [process.execPath, ...commandLine(["images"])];
    const { stderr } = spawnSync("sh", ["-c", '"$@" | true; sleep 0.2', "sh", ...line], { encoding: "utf8" });
    expect(stderr).toBe("");
  });

  it("an old Node gets one clear sentence", () => {
    const pretend = `Object.defineProperty(process.versions, "node", { value: "20.20.0" }); await import(${JSON.stringify(main)});`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", pretend], {
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stderr).toBe("laminate: this is Node 20.20.0, and laminate needs 22.19 or newer\n");
  });
});

describe("laminate run", () => {
  it("passes on output and exit codes", () => {
    expect(laminate(["run", "--rm", "app:1"])).toMatchObject({ status: 7, stdout: "app by default\n", stderr: "" });
    expect(laminate(["run", "--rm", "app:1", "--rm=false", "-it"])).toMatchObject({ stdout: "app --rm=false -it\n" });
    expect(laminate(["run", "--rm", "base:1", "nope"]).status).toBe(127);
    expect(laminate(["run", "--rm", "base:1", "/etc/passwd"]).status).toBe(126);
    expect(laminate(["run", "--rm", "base:1", "sh", "-c", "sh -c 'kill -9 $$'; exit $?"]).status).toBe(137);
    expect(ok("ps", "-aq")).toBe("");
  });

  it("takes variables from words, files and our own environment", () => {
    const file = join(folder, "variables");
    writeFileSync(file, "# comment\nFILE=file\nBOTH=file\n\nOURS\n");
    const words = ["--env-file", file, "-eBOTH=word", "-e", "MISSING", "--entrypoint", "env", "app:1"];
    const { stdout } = laminate(["run", "--rm", ...words], { env: { OURS: "passed on" } });
    expect(stdout.split("\n")).toEqual(expect.arrayContaining(["FILE=file", "BOTH=word", "OURS=passed on"]));
    expect(stdout).not.toContain("MISSING");
  });

  it("keeps the container and what it wrote until rm, and the image as it was", () => {
    expect(laminate(["run", "--name", "writer", "base:1", "sh", "-c", "echo mine >/etc/mine; exit 3"]).status).toBe(3);
    expect(ok("ps")).not.toContain("writer");
    expect(ok("ps", "-a")).toMatch(/writer\n/);
    expect(ok("ps", "-a")).toContain("Exited (3)");
    expect(json("inspect", "writer")).toMatchObject([{ Name: "writer", State: { Status: "exited", ExitCode: 3 } }]);
    const mounted = ok("mount", "writer").trimEnd();
    expect(readFileSync(join(mounted, "etc/mine"), "utf8")).toBe("mine\n");
    expect(ok("unmount", "writer")).toBe("writer\n");
    expect(laminate(["run", "--rm", "base:1", "cat", "/etc/mine"]).status).toBe(1);
    expect(laminate(["run", "--name", "writer", "base:1"])).toMatchObject({ status: 125 });
    expect(laminate(["rmi", "base:1"])).toMatchObject({ status: 1, stdout: "" });
    expect(ok("rm", "writer")).toBe("writer\n");
    expect(laminate(["rm", "writer"]).status).toBe(1);
  });

  it("runs two containers of one image at once, each with files of its own", async () => {
    const script = 'echo "$0" >/etc/mine; sleep 0.3; cat /etc/mine';
    const both = ["one", "two"].map((name) => start("run", "--rm", "base:1", "sh", "-c", script, name));
    expect(await Promise.all(both.map(outputOf))).toEqual(["one\n", "two\n"]);
  });

  it("forwards Ctrl-C, and the second one kills; nothing stays mounted", async () => {
    const polite = start(
      "run",
      "--rm",
      "base:1",
      "sh",
      "-c",
      'trap "exit 5" INT; echo up; while :; do sleep 0.05; done',
    );
    await firstOutput(polite);
    polite.kill("SIGINT");
    expect(await once(polite, "exit")).toEqual([5, null]);

    const deaf = start(
      "run",
      "--rm",
      "base:1",
      "sh",
      "-c",
      'trap "echo no" INT; echo up; while :; do sleep 0.05; done',
    );
    await firstOutput(deaf);
    deaf.kill("SIGINT");
    await firstOutput(deaf);
    deaf.kill("SIGINT");
    expect(await once(deaf, "exit")).toEqual([137, null]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
    expect(ok("ps", "-aq")).toBe("");
  });

  it("rm refuses a running container, and ends it by force", async () => {
    const child = start("run", "--name", "busy", "base:1", "sh", "-c", "echo up; while :; do sleep 0.05; done");
    await firstOutput(child);
    expect(ok("ps")).toMatch(/ Up .* busy\n/);
    const refused = laminate(["rm", "busy"]);
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("'laminate rm -f' kills it first");
    const ended = once(child, "exit");
    expect(ok("rm", "-f", "busy")).toBe("busy\n");
    expect(await ended).toEqual([137, null]);
    expect(ok("ps", "-aq")).toBe("");
  });

  it.skipIf(needPrograms("script").missing)("-it gives the program a terminal", () => {
    const line = [
      process.execPath,
      ...commandLine(["run", "--rm", "-it", "base:1", "sh", "-c", "test -t 0 && echo tty $TERM"]),
    ];
    const quoted = line.map((word) => `'${word}'`).join(" ");
    const { stdout } = spawnSync("script", ["-qec", quoted, "/dev/null"], { encoding: "utf8" });
    expect(stdout).toContain("tty xterm");
    expect(laminate(["run", "--rm", "-it", "base:1"], { input: new Uint8Array() })).toMatchObject({ status: 125 });
  });

  it("mount of an image is read-only and names each when several are asked for", () => {
    const lines = ok("mount", "base:1", "app:1")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "));
    expect(lines.map(([name]) => name)).toEqual(["base:1", "app:1"]);
    expect(readdirSync(lines[1]?.[1] ?? "")).toContain("app");
    expect(() => {
      mkdirSync(join(lines[0]?.[1] ?? "", "new"));
    }).toThrow();
    expect(ok("unmount", "base:1", "app:1")).toBe("base:1\napp:1\n");
  });
});

function start(...words: readonly string[]): ChildProcess {
  return spawn(process.execPath, commandLine(words), { stdio: ["ignore", "pipe", "inherit"] });
}

/** Fails when the program ends without a word. */
function firstOutput(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", () => {
      resolve();
    });
    child.once("close", (code) => {
      reject(new Error(`ended with ${String(code)}`));
    });
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = "";
  child.stdout?.on("data", (bytes: Buffer) => (output += bytes.toString()));
  await once(child, "close");
  return output;
}
