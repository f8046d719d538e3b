/** A set of images of a registry into a store, by the command line: once, after deaths, with one that is broken, without room. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { randomBytes, randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchReport, PlanSummary } from "../../driver/index.ts";
import { type BuiltImage, buildImage } from "../fixtures/image-builder.ts";
import { deleteBlob, putImage } from "../fixtures/registry-image.ts";
import { type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { needPrograms, needRoot } from "../need.ts";

const main = javascriptOf("cli/main.ts");
const kibibyte = 1024;

/** Twelve: four each on three bases, two of those four with a layer more in common. */
function buildSet(): readonly BuiltImage[] {
  const layer = (name: string, sizeBytes: number): { tar: Uint8Array } => ({
    tar: tar([{ path: name, data: randomBytes(sizeBytes) }]),
  });
  const bases = [0, 1, 2].map((at) => layer(`base${at}`, 512 * kibibyte));
  const middles = [0, 1, 2].map((at) => layer(`middle${at}`, 256 * kibibyte));
  return Array.from({ length: 12 }, (_, at) => {
    const below = [bases[at % 3], ...(at < 6 ? [middles[at % 3]] : [])].filter((each) => each !== undefined);
    return buildImage({ layers: [...below, layer(`own${at}`, 64 * kibibyte)] });
  });
}

describe.skipIf(needPrograms("docker-registry").missing)("batch", () => {
  const images = buildSet();
  const layers = new Set(images.flatMap((image) => image.layers.map(({ descriptor }) => descriptor.digest)));
  let folder = "";
  let registry: RegistryFixture;
  let list = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-batch-"));
    registry = await startRegistry({ folder });
    const to = { origin: `http://${registry.host}` };
    for (const [at, image] of images.entries()) await putImage(to, `app${at}`, image, "1");
    list = join(folder, "list.txt");
    await writeFile(list, images.map((_, at) => `${registry.host}/app${at}:1\n`).join(""));
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const places = (name: string): readonly string[] => [
    ...["--root", join(folder, name), "--state", join(folder, `${name}-state`), "--durability", "none"],
  ];

  interface Ended {
    readonly status: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  async function batch(store: string, ...words: readonly string[]): Promise<Ended> {
    const [verb = "", ...rest] = words;
    const args = [main, "batch", verb, ...places(store), ...rest];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(child, "close") as Promise<[number | null]>;
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { status: (await ended)[0], stdout, stderr };
  }

  /** How far the registry's log is, once it has what was asked for until now. */
  async function logged(): Promise<number> {
    const mark = `/v2/?mark=${randomUUID()}`;
    await (await fetch(`http://${registry.host}${mark}`)).arrayBuffer();
    while (!registry.requests.includes(`GET ${mark}`)) await sleep(10);
    return registry.requests.length;
  }

  /** How often each layer was asked for since the log had `from` lines. */
  async function fetches(from: number): Promise<ReadonlyMap<string, number>> {
    await logged();
    const counts = new Map<string, number>();
    for (const request of registry.requests.slice(from)) {
      const digest = /^GET .*\/blobs\/(sha256:[0-9a-f]{64})/.exec(request)?.[1];
      if (digest !== undefined && layers.has(digest as never)) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    return counts;
  }

  it("import fetches and extracts each layer once, a second run does nothing, and verify finds what is damaged", async () => {
    const plan = JSON.parse((await batch("once", "plan", "--json", list)).stdout) as PlanSummary;
    expect(plan.totals).toMatchObject({ images: 12, imagesHere: 0, families: 3, uniqueLayers: 18, layersHere: 0 });
    expect(plan.totals.fetchBytes).toBe(plan.totals.uniqueBytes);
    const before = await logged();
    const imported = await batch("once", "import", "--json", "--progress", "json", list);
    expect(imported.stderr).not.toContain("laminate:");
    expect(imported.status).toBe(0);
    const report = JSON.parse(imported.stdout) as BatchReport;
    expect(report).toMatchObject({ runs: 1, totals: { imported: 12, present: 0, failed: 0, uniqueLayers: 18 } });
    expect(report.totals.fetchedBytes).toBe(report.totals.uniqueBytes);
    const extracted = events(imported.stderr).filter(({ type, phase }) => type === "layer" && phase === "done");
    expect(extracted.map(({ layer }) => layer).sort()).toEqual([...layers].sort());

    const again = await batch("once", "import", list);
    expect(again).toMatchObject({ status: 0 });
    expect(again.stdout).toMatch(/^Nothing to do: all 12 images are here/);
    expect([...(await fetches(before)).values()]).toEqual(Array.from(layers, () => 1));

    expect((await batch("once", "verify", list)).status).toBe(0);
    const [digest = ""] = layers;
    const blob = join(folder, "once/blobs", digest.replace(":", "/"));
    await rm(blob);
    await writeFile(blob, "other bytes");
    const verified = await batch("once", "verify", list);
    expect(verified.status).toBe(1);
    expect(verified.stdout).toContain(digest);
    expect(await batch("once", "import", list)).toMatchObject({ status: 0 });
    expect((await batch("once", "verify", list)).status).toBe(0);
  });

  it("import that is killed again and again is completed by the next, which does only what is missing", async () => {
    let done: readonly string[] = [];
    for (const kills of [1, 2, 3]) {
      const args = [main, "batch", "import", ...places("killed"), "-j", "1", "--progress", "json", list];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
      const ended = once(child, "exit");
      for await (const line of createInterface({ input: child.stderr })) {
        const { type, status, source } = JSON.parse(line) as Event;
        if (type !== "image" || status !== "imported") continue;
        done = [...done, String(source)];
        child.kill("SIGKILL");
      }
      await ended;
      expect(new Set(done).size).toBeGreaterThanOrEqual(kills);
    }
    const before = await logged();
    const last = await batch("killed", "import", "--json", list);
    expect(last.status).toBe(0);
    const report = JSON.parse(last.stdout) as BatchReport;
    expect(report).toMatchObject({ runs: 4, totals: { imported: 12, failed: 0, pending: 0 } });
    expect((await batch("killed", "verify", list)).status).toBe(0);
    expect(new Set(done).size).toBe(done.length);
    const own = images.map((image) => image.layers.at(-1)?.descriptor.digest ?? "");
    const fetched = await fetches(before);
    for (const source of done) {
      const at = Number(/app([0-9]+):/.exec(source)?.[1]);
      expect(fetched.has(own[at] ?? "")).toBe(false);
    }
    expect((await batch("killed", "import", list)).stdout).toMatch(/^Nothing to do/);
  });

  it("two imports of one set into one store at once share the work, and both say that all is there", async () => {
    const before = await logged();
    const both = await Promise.all(
      [1, 2].map(async () => {
        const { status, stdout } = await batch("two", "import", "--json", list);
        return { status, report: JSON.parse(stdout) as BatchReport };
      }),
    );
    for (const { status, report } of both) {
      expect(status).toBe(0);
      expect(report.totals).toMatchObject({ failed: 0, pending: 0 });
    }
    expect((await batch("two", "verify", list)).status).toBe(0);
    expect([...(await fetches(before)).values()]).toEqual(Array.from(layers, () => 1));
  });

  it("an image that is broken fails alone with exit code 2, or ends all with --fail-fast", async () => {
    const to = { origin: `http://${registry.host}` };
    const broken = buildImage({ layers: [{ tar: tar([{ path: "gone", data: randomBytes(2048) }]) }] });
    await putImage(to, "broken", broken, "1");
    await deleteBlob(to, "broken", broken.layers[0]?.descriptor.digest ?? "");
    const set = join(folder, "broken.txt");
    await writeFile(set, `${registry.host}/broken:1\n${registry.host}/none:1\n${registry.host}/app0:1\n`);
    const imported = await batch("broken", "import", "--json", set);
    expect(imported.status).toBe(2);
    expect(imported.stderr).toMatch(/laminate: cannot pull .*broken:1/);
    const { totals, images: reports } = JSON.parse(imported.stdout) as BatchReport;
    expect(totals).toMatchObject({ imported: 1, failed: 2 });
    expect(reports.map(({ status }) => status).sort()).toEqual(["failed", "failed", "imported"]);
    expect((await batch("fast", "import", "--fail-fast", set)).status).toBe(1);
  });

  it.skipIf(needRoot().missing)(
    "import without room says so, leaves a clean store, and goes on when there is room",
    async () => {
      const disk = join(folder, "disk");
      await mkdir(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "none", disk]);
      try {
        const refused = await batch("disk/store", "import", list);
        expect(refused.status).toBe(1);
        expect(refused.stderr).toMatch(/it needs about .* are free/);
        const full = await batch("disk/store", "import", "-q", "--ignore-disk-space", list);
        expect(full.status).toBe(1);
        expect(full.stderr).toMatch(/the disk of .* is full/);
        execFileSync("mount", ["-o", "remount,size=64m", disk]);
        expect((await batch("disk/store", "import", list)).status).toBe(0);
        expect((await batch("disk/store", "verify", list)).status).toBe(0);
      } finally {
        execFileSync("umount", [disk]);
      }
    },
  );
});

interface Event {
  readonly type: string;
  readonly phase?: string;
  readonly layer?: string;
  readonly status?: string;
  readonly source?: string;
}

function events(output: string): readonly Event[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Event);
}
