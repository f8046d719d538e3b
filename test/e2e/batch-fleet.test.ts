/** A fleet: workers with a store each, on one Redis and one registry, while one is killed and Redis is started again. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BatchReport, createStorage } from "../../driver/index.ts";
import { DockerRegistry } from "../fixtures/docker-registry.ts";
import { buildImage, type FixtureImage } from "../fixtures/image-builder.ts";
import { RedisFixture } from "../fixtures/redis.ts";
import { putImage } from "../fixtures/registry-image.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { needPrograms } from "../need.ts";

/** Before a registry: counts the blobs that are asked for, and lets a test hold one in the middle. */
class Gate implements AsyncDisposable {
  readonly fetched: string[] = [];
  /** Called at the half of each blob, which goes on when it resolves. */
  atHalf: (digest: string) => Promise<void> = () => Promise.resolve();
  readonly #server: Server;

  constructor(upstream: string) {
    const [hostname = "", port = ""] = upstream.split(":");
    this.#server = createServer((incoming, answer) => {
      const { method, url = "", headers } = incoming;
      const digest = method === "GET" ? /\/blobs\/(sha256:[0-9a-f]+)$/.exec(url)?.[1] : undefined;
      const outgoing = request({ hostname, port, method, path: url, headers }, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        if (digest === undefined) {
          response.pipe(answer);
          return;
        }
        this.fetched.push(digest);
        void (async () => {
          const bytes = Buffer.concat(await response.toArray());
          const half = bytes.length >> 1;
          answer.write(bytes.subarray(0, half));
          await this.atHalf(digest);
          answer.end(bytes.subarray(half));
        })();
      });
      outgoing.once("error", () => answer.destroy());
      incoming.pipe(outgoing);
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Text that does not compress: gzip must not make a layer too small to matter. */
function noise(seed: number, bytes: number): string {
  let state = seed;
  const next = (): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return String.fromCharCode(33 + ((state >>> 24) % 94));
  };
  return Array.from({ length: bytes }, next).join("");
}

/** Of each family two images on one base. */
const families = [1, 2, 3, 4].map((family) => {
  const base = tar([{ path: `base-${family}`, data: noise(family, 100_000 - family * 10_000) }]);
  return ["a", "b"].map((name, at) => {
    const own = tar([{ path: name, data: noise(family * 10 + at, 5000) }]);
    const image: FixtureImage = { layers: [{ tar: base }, { tar: own }] };
    return { name: `family${family}/${name}`, built: buildImage(image) };
  });
});
const images = families.flat();
const layersOf = (family: (typeof families)[number]): string[] => [
  ...new Set(family.flatMap(({ built }) => built.layers.map(({ descriptor }) => descriptor.digest as string))),
];

describe.skipIf(needPrograms("redis-server", "docker-registry").missing)("a fleet of workers", () => {
  let folder = "";
  let registry: DockerRegistry;
  let redis: RedisFixture;
  let gate: Gate;
  let host = "";
  let set = "";
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "laminate-fleet-"));
    registry = await DockerRegistry.start(join(folder, "registry"));
    redis = await RedisFixture.start(join(folder, "redis"));
    gate = new Gate(registry.host);
    host = await gate.listen();
    for (const { name, built } of images) await putImage({ origin: `http://${registry.host}` }, name, built, "1");
    set = join(folder, "set");
    writeFileSync(set, images.map(({ name }) => `${host}/${name}:1\n`).join(""));
  });

  afterAll(async () => {
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
    await gate[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  function laminate(store: string, ...words: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
    const place = ["--root", join(folder, store), "--durability", "none", "--progress", "plain"];
    const child = spawn(process.execPath, [javascriptOf("cli/main.ts"), ...words, ...place], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    return child;
  }

  const worker = (store: string, lease: number, ...words: readonly string[]): ChildProcess =>
    laminate(store, "batch", "worker", "--queue", redis.url, "--lease", String(lease), ...words);

  async function importing(store: string, ...words: readonly string[]): Promise<BatchReport> {
    const child = laminate(store, "batch", "import", "--queue", redis.url, "--json", ...words, set);
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit") as Promise<[number]>,
    ]);
    expect(`${code} ${err}`).toMatch(/^0 /);
    return JSON.parse(out) as BatchReport;
  }

  async function stopped(child: ChildProcess): Promise<number | null> {
    const ended = once(child, "exit") as Promise<[number | null]>;
    child.kill("SIGTERM");
    return (await ended)[0];
  }

  async function namesIn(store: string): Promise<readonly string[]> {
    await using storage = await createStorage({ root: join(folder, store) });
    return (await storage.images.list()).flatMap(({ names }) => names);
  }

  it("does a set though a worker is killed in the middle of a layer and Redis is killed and started again; nothing else is done twice", async () => {
    // The first layer is held for ever, the second until Redis is back, the others not at all.
    const first = Promise.withResolvers<string>();
    const second = Promise.withResolvers<string>();
    const back = Promise.withResolvers<undefined>();
    let held = 0;
    gate.atHalf = async (digest) => {
      if (!families.some((family) => layersOf(family).includes(digest))) return;
      held++;
      if (held === 1) {
        first.resolve(digest);
        await new Promise(() => undefined);
      }
      if (held === 2) second.resolve(digest);
      await back.promise;
    };
    const report = importing("coordinator");
    const doomed = worker("doomed", 3);
    const interrupted = await first.promise;
    // Long leases: a busy machine must not lose one.
    const others = [worker("one", 12), worker("two", 12)];
    await second.promise;
    const died = once(doomed, "exit");
    doomed.kill("SIGKILL");
    await died;
    await redis.kill();
    await redis.start();
    back.resolve(undefined);

    const { images: done, totals } = await report;
    expect(done.map(({ source, status, error }) => [source, status, error])).toEqual(
      images.map(({ name }) => [`${host}/${name}:1`, "imported", null]),
    );
    expect(totals).toMatchObject({ imported: 8, failed: 0, pending: 0, uniqueLayers: 12 });
    for (const child of others) expect(await stopped(child)).toBe(0);

    // Each image is in one store, with all of its family.
    const [one, two] = [await namesIn("one"), await namesIn("two")];
    expect([...one, ...two].sort()).toEqual(images.map(({ name }) => `${host}/${name}:1`).sort());
    for (const family of families) {
      const there = family.filter(({ name }) => one.includes(`${host}/${name}:1`));
      expect([0, 2]).toContain(there.length);
    }
    expect(await namesIn("doomed")).toEqual([]);
    expect(await namesIn("coordinator")).toEqual([]);

    // Each layer was asked for once, but for the family that was interrupted.
    const counts = new Map(families.flatMap(layersOf).map((layer) => [layer, 0]));
    for (const digest of gate.fetched) if (counts.has(digest)) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    for (const family of families) {
      const isInterrupted = layersOf(family).includes(interrupted);
      for (const layer of layersOf(family)) {
        const count = counts.get(layer) ?? 0;
        if (!isInterrupted) expect(count).toBe(1);
        else expect(count).toBeGreaterThanOrEqual(layer === interrupted ? 2 : 1);
      }
    }
  });

  it("gives all of a set to each host that is to have it, and what it has is not fetched again", async () => {
    gate.atHalf = () => Promise.resolve();
    gate.fetched.length = 0;
    const workers = ["east", "west"].map((name) => worker(name, 12, "--per-host", "--name", name));
    const report = await importing("coordinator", "--hosts", "2");
    expect(report.totals).toMatchObject({ imported: 8, failed: 0, pending: 0 });
    expect(report.totals.fetchedBytes).toBe(2 * report.totals.uniqueBytes);
    const again = await importing("coordinator", "--hosts", "2");
    expect(again.totals).toMatchObject({ present: 8, imported: 0, failed: 0, fetchedBytes: 0 });
    for (const child of workers) expect(await stopped(child)).toBe(0);
    for (const name of ["east", "west"]) expect(await namesIn(name)).toHaveLength(8);
    for (const layer of families.flatMap(layersOf)) {
      expect(gate.fetched.filter((digest) => digest === layer)).toHaveLength(2);
    }
  });
});
