/**
 * Pulls one image with one big layer from a registry on this machine, with laminate, containerd and podman in turn, each
 * time into a fresh store on the same file system. Needs root, docker-registry, skopeo, containerd and podman.
 *
 *   npm run bench:pull -- [--rounds 3] [--from /usr/lib] [--dir /var/tmp]
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    from: { type: "string", default: "/usr/lib" },
    dir: { type: "string", default: "/var/tmp" },
  },
});
const folder = mkdtempSync(join(values.dir, "laminate-pull-"));
const main = join(import.meta.dirname, "../../dist/cli/main.js");
const quiet = { stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"], maxBuffer: 2 ** 26 };

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An OCI layout with one layer, made by tar and gzip. */
function makeLayout(): string {
  const layout = join(folder, "layout");
  const blobs = join(layout, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const tar = join(folder, "layer.tar");
  execFileSync("tar", ["-C", values.from, "--numeric-owner", "--sort=name", "-cf", tar, "."], quiet);
  const [diffId = ""] = execFileSync("sha256sum", [tar], { encoding: "utf8" }).split(" ");
  console.log(`layer: ${Math.round(statSync(tar).size / 1e6)} MB of ${values.from}`);
  execFileSync("gzip", ["-1", tar], quiet);
  const [digest = ""] = execFileSync("sha256sum", [`${tar}.gz`], { encoding: "utf8" }).split(" ");
  const size = statSync(`${tar}.gz`).size;
  console.log(`stored: ${Math.round(size / 1e6)} MB of gzip`);
  execFileSync("mv", [`${tar}.gz`, join(blobs, digest)]);
  const put = (document: unknown): { digest: string; size: number } => {
    const bytes = Buffer.from(JSON.stringify(document));
    writeFileSync(join(blobs, sha256(bytes)), bytes);
    return { digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const type = "application/vnd.oci.image";
  const config = put({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${diffId}`] },
  });
  const manifest = put({
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { mediaType: `${type}.config.v1+json`, ...config },
    layers: [{ mediaType: `${type}.layer.v1.tar+gzip`, digest: `sha256:${digest}`, size }],
  });
  writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const annotations = { "org.opencontainers.image.ref.name": "big" };
  const entry = { mediaType: `${type}.manifest.v1+json`, ...manifest, annotations };
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  return layout;
}

/** Starts a server and waits for a line of it. Ends with this process. */
async function start(program: string, words: readonly string[], ready: RegExp): Promise<string> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  process.once("exit", () => child.kill("SIGKILL"));
  let said = "";
  const take = (chunk: Buffer): void => {
    said += chunk.toString();
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  for (;;) {
    const found = ready.exec(said);
    if (found !== null) return found[1] ?? "";
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    await sleep(50);
  }
}

function seconds(program: string, words: readonly string[]): number {
  const before = performance.now();
  const { status, stderr } = spawnSync(program, words, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
  return (performance.now() - before) / 1000;
}

const layout = makeLayout();
writeFileSync(
  join(folder, "registry.yml"),
  JSON.stringify({
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: join(folder, "registry") } },
    http: { addr: "localhost:0" },
  }),
);
const port = await start("docker-registry", ["serve", join(folder, "registry.yml")], /listening on [^ "]*:([0-9]+)/);
const name = `localhost:${port}/big:1`;
execFileSync("skopeo", ["copy", "-q", "--dest-tls-verify=false", `oci:${layout}:big`, `docker://${name}`], quiet);

const address = join(folder, "containerd.sock");
const containerdConfig = join(folder, "containerd.toml");
const plugins = 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n';
const places = `root = "${join(folder, "containerd")}"\nstate = "${join(folder, "containerd-state")}"\n`;
writeFileSync(containerdConfig, `version = 2\n${places}${plugins}[grpc]\naddress = "${address}"\n`);
await start("containerd", ["--config", containerdConfig], /containerd successfully booted/);

const runs: Readonly<Record<string, (round: number) => number>> = {
  "laminate pull": (round) => {
    const root = join(folder, `laminate-${round}`);
    return seconds(process.execPath, [main, "--root", root, "--progress", "none", "pull", name]);
  },
  "laminate pull, no syncs": (round) => {
    const root = join(folder, `unsynced-${round}`);
    const words = ["--root", root, "--durability", "none", "--progress", "none", "pull", name];
    return seconds(process.execPath, [main, ...words]);
  },
  "ctr images pull": () => {
    const taken = seconds("ctr", ["--address", address, "images", "pull", "--plain-http", name]);
    seconds("ctr", ["--address", address, "images", "rm", "--sync", name]);
    return taken;
  },
  "podman pull": (round) => {
    const places = ["--root", join(folder, `podman-${round}`), "--runroot", join(folder, `podman-run-${round}`)];
    return seconds("podman", [...places, "pull", "-q", "--tls-verify=false", name]);
  },
};
const taken: Record<string, number[]> = {};
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [what, run] of Object.entries(runs)) (taken[what] ??= []).push(run(round));
  }
  const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN;
  const ours = median(taken["laminate pull"] ?? []);
  for (const [what, times] of Object.entries(taken)) {
    const all = times.map((time) => time.toFixed(2)).join(" ");
    console.log(
      `${what.padEnd(24)} ${median(times).toFixed(2)} s  (${all})  ours is ${(ours / median(times)).toFixed(2)}x`,
    );
  }
  console.log(`load: ${readFileSync("/proc/loadavg", "utf8").trim()}`);
} finally {
  for (const dir of ["podman-0/overlay", "podman-1/overlay", "podman-2/overlay"]) {
    if (existsSync(join(folder, dir))) spawnSync("umount", ["-l", join(folder, dir)]);
  }
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
