/**
 * The lab, with each command and its output shown, from this machine's own programs; nothing is needed but what
 * `npm install` brought. First images made by hand: a program is installed in a container and committed, an application
 * on top of that. Then layers that are shared: two applications of five layers each, loaded, run and taken away again.
 *
 *     npm run lab            everything below a temporary folder, removed at the end
 *     npm run lab -- --keep  the folder stays, and its place is printed
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Layer, type LayerEntry, buildLayer, writeImage } from "./oci-layout.ts";
import { coreTools, findProgram, packageEntries, programEntries } from "./programs.ts";

const project = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "laminate-lab-"));
const store = ["--root", join(folder, "store"), "--state", join(folder, "state")];

function title(text: string): void {
  console.log(`\n\x1b[1m# ${text}\x1b[0m`.replaceAll(process.stdout.isTTY ? "" : /\x1b\[\dm/g, ""));
}

/** As one would type it. */
function quoted(word: string): string {
  if (/^[\w./:=-]+$/.test(word)) return word;
  return word.includes("'") ? `"${word.replaceAll(/["$`\\]/g, "\\$&")}"` : `'${word}'`;
}

/** Shows and runs one laminate command; its output goes to the terminal, or back when `capture` is set. */
function laminate(args: readonly string[], { capture = false } = {}): string {
  if (!capture) console.log(`$ laminate ${args.map(quoted).join(" ")}`);
  const done = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(project, "dist/cli/main.js"), ...store, ...args],
    { stdio: ["inherit", capture ? "pipe" : "inherit", "inherit"], encoding: "utf8" },
  );
  if (done.status !== 0) throw new Error(`laminate ${args[0] ?? ""} ended with status ${done.status ?? "none"}`);
  return done.stdout;
}

async function buildBase(): Promise<Layer[]> {
  const tools = new Map(coreTools.flatMap((name) => [[name, findProgram(name)] as const]).filter(hasPath));
  const known = new Set<string>();
  const places: LayerEntry[] = [
    ...["bin", "sbin", "lib", "lib64"].map((name) => ({ path: name, mode: 0o777, linkTarget: `usr/${name}` })),
    ...["usr/sbin", "dev", "proc", "sys"].map((path) => ({ path, mode: 0o755 })),
    { path: "tmp", mode: 0o1777 },
    { path: "etc/passwd", mode: 0o644, data: Buffer.from("root:x:0:0:root:/root:/bin/sh\n") },
    { path: "etc/group", mode: 0o644, data: Buffer.from("root:x:0:\n") },
    { path: "etc/os-release", mode: 0o644, data: Buffer.from('ID=lab\nPRETTY_NAME="the laminate lab"\n') },
  ];
  return [
    await buildLayer("COPY base commands /", [...places, ...programEntries(tools, known)]),
    await buildLayer("COPY node /usr/bin", programEntries(new Map([["node", process.execPath]]), known)),
  ];
}

function hasPath(pair: readonly [string, string | undefined]): pair is readonly [string, string] {
  return pair[1] !== undefined;
}

/** The three upper layers of an application: what it depends on, the dependency itself, its own source. */
async function buildApplication(base: readonly Layer[], name: string, dependency: string): Promise<string> {
  const installed = join(project, "node_modules", dependency);
  const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as { version: string };
  const manifest = JSON.stringify({ name, dependencies: { [dependency]: version } }, null, 2);
  const source = [
    `const { readFileSync, writeFileSync } = require("node:fs");`,
    `const { version } = JSON.parse(readFileSync("/app/node_modules/${dependency}/package.json", "utf8"));`,
    `writeFileSync("/app/visited", new Date().toISOString());`,
    `const system = /PRETTY_NAME="(.*)"/.exec(readFileSync("/etc/os-release", "utf8"))[1];`,
    `console.log(\`Hello from ${name} on \${system}, node \${process.version}, ${dependency} \${version}\`);`,
  ].join("\n");
  const layers = [
    ...base,
    await buildLayer("COPY package.json /app", [
      { path: "app/package.json", mode: 0o644, data: Buffer.from(manifest) },
    ]),
    await buildLayer("RUN npm install", packageEntries(installed, `app/node_modules/${dependency}`)),
    await buildLayer("COPY app.js /app", [{ path: "app/app.js", mode: 0o644, data: Buffer.from(source) }]),
  ];
  const place = join(folder, name);
  mkdirSync(place);
  writeImage(place, `docker.io/library/${name}:latest`, layers, ["node", "app.js"]);
  return place;
}

interface LayerRow {
  readonly chainId: string;
}

function chainsOf(name: string): string[] {
  const rows = JSON.parse(laminate(["history", "--layers", "--json", name], { capture: true })) as {
    layer: LayerRow | null;
  }[];
  return rows.flatMap((row) => (row.layer === null ? [] : [row.layer.chainId])).reverse();
}

/** What `apt-get install nodejs` does where there is a network: new files in a container. */
function installNode(container: string): void {
  const place = laminate(["mount", container], { capture: true }).trim();
  console.log(`$ cp node and its libraries to "$(laminate mount ${container})"`);
  const entries = programEntries(new Map([["node", process.execPath]]));
  for (const { path, mode, data } of entries) {
    const target = join(place, path);
    if (data === undefined || existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, data, { mode });
  }
  laminate(["unmount", container]);
}

/** A base, a program, an application: each a container that becomes an image. */
function commitByHand(base: Layer): void {
  const place = join(folder, "base");
  mkdirSync(place);
  writeImage(place, "docker.io/library/base:latest", [base], ["sh"]);

  title("A base container: node is not in it until it is installed");
  laminate(["load", "-i", place]);
  laminate(["run", "--name", "base-container", "base", "sh", "-c", "node --version || echo 'no node yet'"]);
  installNode("base-container");
  laminate(["diff", "base-container"]);

  title("Its changes become a layer, on top of those that are there");
  laminate(["container", "commit", "-m", "Add node", "base-container", "node-base"]);
  laminate(["image", "history", "node-base"]);
  laminate(["run", "--rm", "node-base", "node", "-e", "console.log('Hello again')"]);
  laminate(["rm", "-f", "base-container"]);

  title("An application on that, with a command of its own");
  const source = "console.log('Hello from an app')";
  laminate(["run", "--name", "app-container", "node-base", "sh", "-c", `echo "${source}" > app.js`]);
  laminate(["container", "commit", "-c", "CMD node app.js", "-m", "Add app", "app-container", "sample-app"]);
  laminate(["image", "history", "sample-app"]);
  laminate(["run", "--rm", "sample-app"]);
  laminate(["rm", "-f", "app-container"]);
}

async function main(): Promise<void> {
  if (!existsSync(join(project, "dist/cli/main.js"))) throw new Error("nothing is built yet: run `npm install` first");

  const base = await buildBase();
  const [commands] = base;
  if (commands === undefined) throw new Error("the base has a layer");
  commitByHand(commands);

  title("Build two applications of five layers, the lower two the same");
  const hello = await buildApplication(base, "hello", "commander");
  const report = await buildApplication(base, "report", "piscina");
  console.log(`built below ${folder}`);

  title("Load the first and look at its layers");
  laminate(["load", "-i", hello]);
  laminate(["images"]);
  laminate(["history", "hello"]);

  title("Run it: the container writes to an upper directory of its own");
  laminate(["run", "--name", "first", "hello"]);
  laminate(["run", "--rm", "hello", "sh", "-c", "test -e /app/visited || echo 'a new container sees a fresh image'"]);

  title("Load the second: what both share is not extracted again");
  laminate(["load", "-i", report]);
  laminate(["run", "--rm", "report"]);
  laminate(["image", "tree", "report"]);
  laminate(["system", "df", "-v"]);

  const [ofHello, ofReport] = [chainsOf("hello"), chainsOf("report")];
  const shared = ofHello.filter((chain) => ofReport.includes(chain));
  const snapshots = JSON.parse(laminate(["snapshots", "ls", "--json"], { capture: true })) as { kind: string }[];
  const stored = snapshots.filter((snapshot) => snapshot.kind === "committed").length;
  console.log(
    `\n${ofHello.length} + ${ofReport.length} layers, ${shared.length} shared; with the images above ${stored} stored`,
  );
  if (shared.length !== 2 || stored !== 10) throw new Error("want 2 shared layers and 10 stored");

  title("Remove the first image: the second is left whole");
  laminate(["rm", "first"]);
  laminate(["rmi", "hello"]);
  laminate(["run", "--rm", "report"]);
}

try {
  await main();
} finally {
  if (process.argv.includes("--keep")) console.log(`\nkept: ${folder}`);
  else await rm(folder, { recursive: true, force: true });
}
