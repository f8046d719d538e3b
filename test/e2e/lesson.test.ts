/**
 * The lesson, as it is typed: a program is installed in a base container, which becomes an image; an application on
 * that becomes another. Then the images are others' too: podman's, containerd's and skopeo's.
 *
 * A small interpreter is installed; with LAMINATE_LESSON=nodejs it is Node, 150 MB of files.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Containerd } from "../fixtures/containerd.ts";
import { debianRoot } from "../fixtures/debian-root.ts";
import { buildOciArchive } from "../fixtures/image-builder.ts";
import { Podman, podmanRunOptions } from "../fixtures/podman.ts";
import { Terminal } from "../fixtures/terminal.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { LifeStore } from "./life-store.ts";

const nodejs = { program: "nodejs", words: (code: string) => ["node", "-e", `console.log('${code}')`], file: "app.js" };
const lua = { program: "lua5.4", words: (code: string) => ["lua", "-e", `print('${code}')`], file: "app.lua" };
const { program, words, file } = process.env["LAMINATE_LESSON"] === "nodejs" ? nodejs : lua;
const [interpreter = "", , again = ""] = words("Hello again");
const [, , source = ""] = words("Hello from the app");

const prompt = /root@[0-9a-f]{12}:\/# $/;
const digest = /^sha256:[0-9a-f]{64}$/;
const recently = String.raw`(?:Less than a second|\d+ seconds?|About a minute|\d+ minutes) ago`;
const need = needAll(needRoot(), needPrograms("runc", "mmdebstrap", "python3", "podman", "containerd", "skopeo"));

interface HistoryLine {
  readonly created_by?: string;
  readonly CreatedBy?: string;
  readonly comment?: string;
}

describe.skipIf(need.missing)("the lesson", { timeout: 600_000 }, () => {
  const env = { LAMINATE_RUNTIME: "runc" };
  const store = new LifeStore(env);
  const ok = store.ok.bind(store);
  const typed = (...line: readonly string[]): Terminal =>
    new Terminal([process.execPath, ...store.line(line)], { ...process.env, ...env });
  /** Size and comment of each row. */
  const sizes = (image: string): string => ok("history", "--format", "{{.Size}} {{.Comment}}", image);

  beforeAll(async () => {
    const archive = join(store.folder, "base.tar");
    const layers = [{ tar: readFileSync(debianRoot()), compression: "none" as const }];
    const config = { Cmd: ["bash"], Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] };
    writeFileSync(archive, await buildOciArchive([{ names: ["docker.io/library/debian:latest"], layers, config }]));
    ok("load", "-q", "-i", archive);
  }, 600_000);

  afterAll(() => {
    store[Symbol.dispose]();
  });

  it("installs a program in a container, at a terminal, and makes an image of it", async () => {
    const proxies = ["http_proxy", "https_proxy", "no_proxy"].filter((name) => process.env[name] !== undefined);
    using terminal = typed("run", ...proxies.flatMap((name) => ["-e", name]), "--name=base-container", "-ti", "debian");
    await terminal.shows(prompt);
    terminal.type("stty size\r");
    expect(await terminal.shows(prompt)).toContain("\r33 111\r\n");
    terminal.type(`apt-get update && apt-get install -y ${program}\r`);
    expect(await terminal.shows(prompt)).toMatch(new RegExp(`Setting up ${program} `));
    terminal.type(`${interpreter} -e '${(words("Hello world!")[2] ?? "").replaceAll("'", '"')}' && exit 3\r`);
    await terminal.shows(/[\r\n]Hello world!\r\n/);
    expect(await terminal.exitCode()).toBe(3);

    const base = ok("images", "-q", "debian");
    const [, ofBase = ""] = ok("history", "debian").split("\n");
    expect(ok("container", "commit", "-m", "Add node", "base-container", "node-base")).toMatch(digest);
    const [header, top, ...lower] = ok("image", "history", "node-base").split("\n");
    expect(header).toMatch(/^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/);
    expect(top).toMatch(new RegExp(String.raw`^[0-9a-f]{12} +${recently} +bash +[0-9.]+MB +Add node$`));
    expect(lower.map((line) => line.split(/ +/))).toEqual([ofBase.split(/ +/)]);
    expect(ofBase).toMatch(new RegExp(`^${base} .* [0-9]+MB$`));
    expect(ok("run", "node-base", interpreter, "-e", again)).toBe("Hello again");
    expect(ok("rm", "-f", "base-container")).toBe("base-container");
  });

  it("makes another of an application on it, which runs by the command it was given", async () => {
    using terminal = typed("run", "--name=app-container", "-ti", "node-base");
    await terminal.shows(prompt);
    terminal.type(`echo "${source}" > ${file}\r`);
    await terminal.shows(prompt);
    terminal.type("exit\r");
    expect(await terminal.exitCode()).toBe(0);
    expect(ok("diff", "app-container").split("\n")).toContain(`A /${file}`);

    const change = `CMD ${interpreter} ${file}`;
    expect(ok("container", "commit", "-c", change, "-m", "Add app", "app-container", "sample-app")).toMatch(digest);
    expect(sizes("sample-app").split("\n").slice(1)).toEqual(sizes("node-base").split("\n"));
    expect(sizes("sample-app")).toMatch(/^[0-9.]+kB Add app\n/);
    expect(ok("image", "inspect", "--format", "{{json .Config.Cmd}}", "sample-app")).toBe(
      JSON.stringify(["/bin/sh", "-c", `${interpreter} ${file}`]),
    );
    expect(ok("run", "sample-app")).toBe("Hello from the app");
    expect(ok("rm", "-f", "app-container")).toBe("app-container");
    expect(ok("ps", "-a", "--format", "{{.Image}} {{.Command}}").split("\n")).toEqual([
      expect.stringMatching(/^sample-app "\/bin\/sh -c '\w/) as string,
      expect.stringMatching(/^node-base "\w+ -e '\w/) as string,
    ]);
    ok("rm", ...ok("ps", "-aq").split("\n"));
    expect(store.leftOvers()).toEqual([]);
  });

  const history = (lines: readonly HistoryLine[]) =>
    lines.map(({ created_by, CreatedBy, comment = "" }) => [created_by ?? CreatedBy, comment]);
  const written = [
    ["layer 0", ""],
    ["bash", "Add node"],
    ["bash", "Add app"],
  ];

  it("is read by skopeo from the store itself", () => {
    const source = `oci:${join(store.folder, "root")}:sample-app:latest`;
    const config = JSON.parse(execFileSync("skopeo", ["inspect", "--config", source], { encoding: "utf8" })) as {
      history: readonly HistoryLine[];
    };
    expect(history(config.history)).toEqual(written);
  });

  it("runs in podman, with its history", () => {
    using podman = new Podman(store.folder);
    const archive = join(store.folder, "docker.tar");
    ok("save", "-o", archive, "node-base", "sample-app");
    podman.ok("load", "-q", "-i", archive);
    expect(podman.ok("run", "--rm", ...podmanRunOptions, "sample-app")).toBe("Hello from the app");
    expect(podman.ok("run", "--rm", ...podmanRunOptions, "node-base", interpreter, "-e", again)).toBe("Hello again");
    const lines = JSON.parse(podman.ok("history", "--format", "json", "sample-app")) as readonly HistoryLine[];
    expect(history(lines).reverse()).toEqual(written);
    expect(podman.ok("images", "-q", "--no-trunc", "sample-app")).toBe(ok("images", "-q", "--no-trunc", "sample-app"));
  });

  it("runs in containerd, with its history", async () => {
    await using containerd = await Containerd.start(join(store.folder, "containerd"));
    const archive = join(store.folder, "oci.tar");
    ok("save", "--format", "oci-archive", "-o", archive, "node-base", "sample-app");
    containerd.ctr("images", "import", archive);
    const [base, app] = ["node-base", "sample-app"].map((name) => `docker.io/library/${name}:latest`);
    expect(containerd.ctr("run", "--rm", "--net-host", app ?? "", "app")).toBe("Hello from the app\n");
    expect(containerd.ctr("run", "--rm", "--net-host", base ?? "", "base", interpreter, "-e", again)).toBe(
      "Hello again\n",
    );
    const config = containerd.ctr("content", "get", ok("images", "-q", "--no-trunc", "sample-app"));
    expect(history((JSON.parse(config) as { history: readonly HistoryLine[] }).history)).toEqual(written);
  });
});
