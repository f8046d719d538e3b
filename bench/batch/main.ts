/**
 * Imports a set of images on shared bases from a registry on this machine: laminate's batch import beside skopeo, which copies
 * them into one OCI layout, with umoci unpacking each, and beside a loop of `ctr images pull`. Then laminate alone with growing
 * parts of the set. Each time into a fresh store. Needs root, docker-registry, skopeo, umoci and containerd.
 *
 *   npm run build:dist && npm run bench:batch -- [--images 120] [--bases 3] [--base-mb 250] [--own-mb 10] [--dir /var/tmp]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeSet } from "./make-set.ts";
import { watched } from "./watched.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "120" },
    bases: { type: "string", default: "3" },
    "base-mb": { type: "string", default: "250" },
    "own-mb": { type: "string", default: "10" },
    dir: { type: "string", default: "/var/tmp" },
  },
});
const images = Number(values.images);
const main = join(import.meta.dirname, "../../dist/cli/main.js");
const folder = mkdtempSync(join(values.dir, "laminate-batch-"));
const servers: ChildProcess[] = [];
process.once("exit", () => {
  for (const server of servers) server.kill("SIGKILL");
});

/** Starts a server and waits for a line of it. */
async function start(program: string, words: readonly string[], ready: RegExp): Promise<string> {
  const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
  servers.push(child);
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      if (said.length > 1e6) return;
      said += chunk.toString();
      const found = ready.exec(said);
      if (found !== null) resolve(found[1] ?? "");
    });
    child.once("error", reject);
    child.once("exit", () => {
      reject(new Error(`${program} ended: ${said}`));
    });
  });
}

function fresh(name: string): string {
  const place = join(folder, name);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  return place;
}

async function laminate(references: readonly string[]): Promise<Awaited<ReturnType<typeof watched>>> {
  const root = fresh("laminate");
  const list = join(folder, "list.txt");
  writeFileSync(list, references.map((reference) => `${reference}\n`).join(""));
  const words = ["--root", join(root, "root"), "--state", join(root, "state"), "--progress", "none", list];
  const outcome = await watched(process.execPath, [main, "batch", "import", ...words]);
  const again = await watched(process.execPath, [main, "batch", "import", ...words]);
  console.log(`  and again, with nothing to do: ${again.seconds.toFixed(2)} s`);
  rmSync(root, { recursive: true });
  return outcome;
}

async function skopeoAndUmoci(references: readonly string[]): Promise<number> {
  const place = fresh("skopeo");
  let seconds = 0;
  for (const [at, reference] of references.entries()) {
    const to = `oci:${place}/layout:image${at}`;
    seconds += (await watched("skopeo", ["copy", "-q", "--src-tls-verify=false", `docker://${reference}`, to])).seconds;
  }
  for (const at of references.keys()) {
    const words = ["unpack", "--image", `${place}/layout:image${at}`, `${place}/bundle${at}`];
    seconds += (await watched("umoci", words)).seconds;
  }
  rmSync(place, { recursive: true });
  return seconds;
}

async function ctr(references: readonly string[]): Promise<number> {
  const place = fresh("containerd");
  const address = join(place, "c.sock");
  const config = join(place, "config.toml");
  writeFileSync(config, `version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n`);
  const words = ["--config", config, "--root", join(place, "root"), "--state", join(place, "state")];
  await start("containerd", [...words, "--address", address], /containerd successfully booted/);
  const server = servers.at(-1);
  let seconds = 0;
  for (const reference of references) {
    const pull = ["--address", address, "images", "pull", "--plain-http", reference];
    seconds += (await watched("ctr", pull)).seconds;
  }
  const ended = new Promise((resolve) => server?.removeAllListeners("exit").once("exit", resolve));
  server?.kill("SIGTERM");
  await ended;
  rmSync(place, { recursive: true });
  return seconds;
}

const inMegabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

try {
  const config = {
    ...{ version: 0.1, log: { level: "info" }, http: { addr: "127.0.0.1:0" } },
    storage: { filesystem: { rootdirectory: join(fresh("registry"), "data") } },
  };
  // JSON is YAML.
  writeFileSync(join(folder, "registry.yml"), JSON.stringify(config));
  const host = await start("docker-registry", ["serve", join(folder, "registry.yml")], /listening on (127[0-9.:]+)/);
  const wish = { images, bases: Number(values.bases), folder, host };
  const sizes = { baseMegabytes: Number(values["base-mb"]), ownMegabytes: Number(values["own-mb"]) };
  const { references, logicalBytes, uniqueBytes } = await makeSet({ ...wish, ...sizes });
  const all = sum(logicalBytes);
  console.log(`${images} images on ${values.bases} bases: ${inMegabytes(all)} of files if each stood alone,`);
  console.log(`${inMegabytes(uniqueBytes)} without doubles`);

  const ours = await laminate(references);
  const theirs = {
    "skopeo copy + umoci unpack": await skopeoAndUmoci(references),
    "ctr images pull": await ctr(references),
  };
  console.log(`laminate batch import: ${ours.seconds.toFixed(1)} s`);
  for (const [name, seconds] of Object.entries(theirs)) {
    console.log(`${name}: ${seconds.toFixed(1)} s; laminate takes ${(ours.seconds / seconds).toFixed(2)} of it`);
  }

  console.log("images   seconds   MB/s (alone)   peak MB   open files   sockets");
  for (const count of new Set([10, 30, 60, 120, images].filter((each) => each <= images))) {
    const { seconds, peakMegabytes, peakFiles, peakSockets } = await laminate(references.slice(0, count));
    const rate = sum(logicalBytes.slice(0, count)) / 1e6 / seconds;
    const cells = [
      seconds.toFixed(1),
      rate.toFixed(0),
      peakMegabytes.toFixed(0),
      String(peakFiles),
      String(peakSockets),
    ];
    console.log([String(count), ...cells].map((cell) => cell.padEnd(10)).join(""));
  }
} finally {
  for (const server of servers) server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
