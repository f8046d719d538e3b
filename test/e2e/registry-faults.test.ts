/** What a network and a hostile registry do to a pull: it ends right or fails clearly, and nothing wrong becomes visible. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RegistryClient, type RegistryOptions } from "../../driver/index.ts";
import { buildImage, encode, sha256 } from "../fixtures/image-builder.ts";
import { type Fault, type FaultProxy, type Seen, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { putImage } from "../fixtures/registry-image.ts";
import { type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { fingerprint, openTestStore, type TestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needPrograms } from "../need.ts";

const content = randomBytes(3_000_000);
const image = buildImage({ layers: [{ tar: tar([{ path: "big", data: content }]) }] });
const layer = image.layers[0]?.descriptor ?? image.descriptor;
const options: RegistryOptions = {
  env: {},
  hostsDirs: [],
  patience: { firstPauseMs: 10, longestPauseMs: 50, stallTimeoutMs: 2000 },
};

/** True for requests of the layer. */
function isLayer({ path, method }: Seen): boolean {
  return method === "GET" && path.endsWith(layer.digest);
}

/** For the layer's first request, or its first few. */
function firstTimes(times: number, fault: Fault): (seen: Seen) => Fault | undefined {
  let left = times;
  return (seen) => (isLayer(seen) && left-- > 0 ? fault : undefined);
}

/** Of the blobs that a store has not got whole yet. */
async function partialBytes(root: string): Promise<number> {
  const names = (await readdir(join(root, "ingest")).catch(() => [])).filter((name) => name.startsWith("partial-"));
  const sizes = names.map((name) =>
    stat(join(root, "ingest", name, "data")).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function failureOf(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  return work.then(
    () => expect.fail("it worked"),
    (error: unknown) => error as { code: string; message: string },
  );
}

describe.skipIf(needPrograms("docker-registry").missing)("pull through a network that fails", () => {
  let folder = "";
  let registry: RegistryFixture;
  let proxy: FaultProxy;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-faults-"));
    registry = await startRegistry({ folder });
    await putImage({ origin: `http://${registry.host}` }, "demo", image, "1");
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function pull(store: TestStore, fault: FaultProxy["fault"], more: RegistryOptions = {}) {
    proxy = await startFaultProxy(registry.port);
    proxy.fault = fault;
    try {
      await using client = new RegistryClient({ ...options, ...more });
      return await store.storage.pull(`${proxy.host}/demo:1`, { client });
    } finally {
      await proxy[Symbol.asyncDispose]();
    }
  }

  async function expectWhole(store: TestStore): Promise<void> {
    const path = await store.storage.mountImage(`${proxy.host}/demo:1`);
    expect(sha256(await readFile(join(path, "big")))).toBe(sha256(content));
    await store.storage.unmountImage(`${proxy.host}/demo:1`);
  }

  const middle = Math.floor(layer.size / 2);
  const breaks: readonly (readonly [string, Fault])[] = [
    ...[1, 70_001, middle, layer.size - 1].map(
      (at) => [`reset after ${at} bytes`, { kind: "reset", afterBytes: at }] as const,
    ),
    ["silent in the middle", { kind: "stall", afterBytes: middle }],
    ["closed in the middle", { kind: "close", afterBytes: middle }],
    ["answered with 503 and Retry-After", { kind: "answer", status: 503, headers: { "retry-after": "0" } }],
    ["answered with 429 and Retry-After", { kind: "answer", status: 429, headers: { "retry-after": "1" } }],
  ];
  for (const [what, fault] of breaks) {
    it(`pull ends right when a transfer is ${what}, and fetches what is missing only`, async () => {
      await using store = await openTestStore();
      await pull(store, firstTimes(1, fault));
      // A reset takes along what was sent and not read yet.
      const lost = fault.kind === "reset" ? fault.afterBytes : 0;
      expect(proxy.blobBytes() - lost).toBeLessThan(layer.size + image.configBytes.length + 300_000);
      expect(proxy.seen.filter(isLayer)).toHaveLength(2);
      await expectWhole(store);
    });
  }

  it("pull ends right when ranges are ignored", async () => {
    await using store = await openTestStore();
    let requests = 0;
    await pull(store, (seen) => {
      if (!isLayer(seen)) return undefined;
      return ++requests === 1 ? { kind: "reset", afterBytes: middle } : { kind: "ignore-range" };
    });
    await expectWhole(store);
  });

  const spoiled: readonly (readonly [string, Fault, RegExp])[] = [
    [
      "other bytes",
      { kind: "change", body: (bytes) => Buffer.from(bytes).fill(7, 100, 120) },
      /digest is sha256:.*expected/,
    ],
    [
      "more bytes",
      {
        kind: "change",
        head: (headers) => {
          delete headers["content-length"];
        },
        body: (bytes) => Buffer.concat([bytes, Buffer.alloc(10)]),
      },
      /sends more than|digest is/,
    ],
    [
      "a wrong Content-Length",
      {
        kind: "change",
        head: (headers) => {
          headers["content-length"] = String(layer.size + 5);
        },
      },
      /offers \d+ bytes where \d+ are expected/,
    ],
    [
      "an encoding that was not asked for",
      {
        kind: "change",
        head: (headers) => {
          headers["content-encoding"] = "gzip";
        },
      },
      /encoded it/,
    ],
  ];
  for (const [what, fault, message] of spoiled) {
    it(`pull refuses ${what}, and nothing becomes visible`, async () => {
      await using store = await openTestStore();
      const failure = await failureOf(pull(store, firstTimes(100, fault)));
      expect(failure.code).toBe("ERR_DATA_LOSS");
      expect(failure.message).toMatch(message);
      expect(await fingerprint(store)).toMatchObject({ images: [], snapshots: [], staging: ["lock"] });
      await pull(store, () => undefined);
      await expectWhole(store);
    });
  }

  it("a registry that stays away fails the pull with its name and the reason", async () => {
    await using store = await openTestStore();
    const failure = await failureOf(
      pull(store, (seen) => (isLayer(seen) ? { kind: "answer", status: 503 } : undefined)),
    );
    expect(failure).toMatchObject({ code: "ERR_UNAVAILABLE" });
    expect(failure.message).toContain("HTTP 503");
    const impatient = await failureOf(
      pull(store, (seen) =>
        isLayer(seen) ? { kind: "answer", status: 429, headers: { "retry-after": "100000" } } : undefined,
      ),
    );
    expect(impatient.message).toContain("HTTP 429");
    expect(proxy.seen.filter(isLayer)).toHaveLength(1);
  });

  it("two pulls of one blob at once fetch it once", async () => {
    await using store = await openTestStore();
    await using own = await startFaultProxy(registry.port);
    await using client = new RegistryClient(options);
    await using another = new RegistryClient(options);
    const pulls = [client, another].map((each) => store.storage.pull(`${own.host}/demo:1`, { client: each }));
    const [one, two] = await Promise.all(pulls);
    expect(own.seen.filter(isLayer)).toHaveLength(1);
    expect([one?.layersExtracted, two?.layersExtracted].sort()).toEqual([0, 1]);
  });

  it("a pull that was killed goes on where it was, in another process", async () => {
    const root = join(folder, "killed");
    await using own = await startFaultProxy(registry.port);
    own.fault = firstTimes(1, { kind: "stall", afterBytes: middle });
    const script = join(folder, "pull.mjs");
    const door = join(import.meta.dirname, "../../driver/index.ts");
    await writeFile(
      script,
      `import { createStorage } from ${JSON.stringify(door)};
       const storage = await createStorage({ root: ${JSON.stringify(root)}, durability: "none" });
       await storage.pull(${JSON.stringify(`${own.host}/demo:1`)});`,
    );
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "ignore", "inherit"] });
    const ended = once(child, "exit");
    // Half of it is there, and no more will come.
    while ((await partialBytes(root)) < middle) await sleep(20);
    child.kill("SIGKILL");
    await ended;
    await using store = await openTestStore({ root });
    await using client = new RegistryClient(options);
    await store.storage.pull(`${own.host}/demo:1`, { client });
    const [range] = own.seen.filter(isLayer).slice(-1);
    expect(range?.headers.range).toBe(`bytes=${middle}-`);
    expect(range?.bytes).toBe(layer.size - middle);
    expect(await store.storage.images.list()).toHaveLength(1);
  });
});

describe("a hostile registry", () => {
  /** Answers by a function of the test's; notes what it was sent. */
  async function serve(
    answer: (
      path: string,
      headers: IncomingHttpHeaders,
    ) => { status: number; headers?: Record<string, string>; body?: string | Uint8Array },
  ) {
    const seen: { path: string; headers: IncomingHttpHeaders }[] = [];
    const server = createServer((incoming, outgoing) => {
      const path = incoming.url ?? "";
      seen.push({ path, headers: incoming.headers });
      const { status, headers, body } = answer(path, incoming.headers);
      outgoing.writeHead(status, headers).end(body ?? "");
    });
    server.listen(0, "localhost");
    await once(server, "listening");
    const host = `localhost:${(server.address() as AddressInfo).port}`;
    return {
      host,
      seen,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        server.close();
        await once(server, "close");
      },
    };
  }

  const secret: RegistryOptions = { ...options, credentials: { username: "me", password: "s3cret" } };
  const basic = { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } };
  const manifestType = "application/vnd.oci.image.manifest.v1+json";

  async function pullFrom(host: string, more: RegistryOptions = secret) {
    await using store = await openTestStore();
    await using client = new RegistryClient(more);
    return await store.storage.pull(`${host}/demo:1`, { client });
  }

  it("no Authorization goes along with a redirect to another host, and its 401 is not answered", async () => {
    await using elsewhere = await serve((path) => {
      if (path.includes("config")) return { status: 200, body: image.configBytes };
      return basic;
    });
    await using home = await serve((path, { authorization }) => {
      if (authorization === undefined) return basic;
      if (path.includes("manifests")) {
        return { status: 200, headers: { "content-type": manifestType }, body: image.manifestBytes };
      }
      const name = path.endsWith(image.configDigest) ? "config" : "layer";
      return { status: 307, headers: { location: `http://${elsewhere.host}/${name}` } };
    });
    expect(await failureOf(pullFrom(home.host))).toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    expect(elsewhere.seen.map(({ path }) => path)).toContain("/layer");
    expect(elsewhere.seen.map(({ headers }) => headers.authorization)).toEqual(elsewhere.seen.map(() => undefined));
    expect(home.seen.some(({ headers }) => headers.authorization?.startsWith("Basic "))).toBe(true);
  });

  const locations: readonly (readonly [string, RegExp])[] = [
    ["file:///etc/passwd", /redirects to file:/],
    ["http://169.254.169.254/latest/meta-data", /address of this machine or link/],
    ["http://me:word@localhost/", /URL with a password/],
    ["gopher://localhost:70/", /redirects to gopher:/],
    ["/v2/demo/manifests/1", /redirects without end/],
  ];
  for (const [location, message] of locations) {
    it(`a redirect to ${location} is not followed`, async () => {
      await using home = await serve(() => ({ status: 302, headers: { location } }));
      const failure = await failureOf(pullFrom(home.host, options));
      expect(failure.code).toBe("ERR_PERMISSION_DENIED");
      expect(failure.message).toMatch(message);
    });
  }

  const realms: readonly (readonly [string, RegExp])[] = [
    ["http://registry.example/token", /is not https/],
    ["file:///etc/passwd", /is at file:/],
    ["https://me:word@registry.example/", /URL with a password/],
    ["no url", /is no URL/],
  ];
  for (const [realm, message] of realms) {
    it(`a token server at ${realm} gets no credentials`, async () => {
      await using home = await serve(() => ({
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${realm}",service="s"` },
      }));
      const failure = await failureOf(pullFrom(home.host));
      expect(failure.code).toBe("ERR_PERMISSION_DENIED");
      expect(failure.message).toMatch(message);
    });
  }

  it("a manifest that is too long, endless, of another digest, or an index in itself is refused", async () => {
    const answers: readonly (readonly [
      string,
      () => { status: number; headers?: Record<string, string>; body?: string | Uint8Array },
    ])[] = [
      [
        "ERR_RESOURCE_EXHAUSTED",
        () => ({ status: 200, headers: { "content-type": manifestType }, body: Buffer.alloc(5_000_000) }),
      ],
      [
        "ERR_RESOURCE_EXHAUSTED",
        () => ({
          status: 200,
          headers: { "content-type": manifestType, "transfer-encoding": "chunked" },
          body: Buffer.alloc(5_000_000, "["),
        }),
      ],
      [
        "ERR_DATA_LOSS",
        () => ({
          status: 200,
          headers: { "content-type": manifestType, "docker-content-digest": sha256(Buffer.from("x")) },
          body: image.manifestBytes,
        }),
      ],
    ];
    for (const [code, answer] of answers) {
      await using home = await serve(answer);
      expect(await failureOf(pullFrom(home.host, options))).toMatchObject({ code });
    }
    const type = "application/vnd.oci.image.index.v1+json";
    // Each index names the next: deeper than anyone needs.
    const chain: Buffer[] = [];
    for (let depth = 0; depth < 12; depth++) {
      const [inner = image.manifestBytes] = chain.slice(-1) as Uint8Array[];
      const mediaType = depth === 0 ? manifestType : type;
      const manifests = [{ mediaType, digest: sha256(inner), size: inner.length }];
      chain.push(encode({ schemaVersion: 2, mediaType: type, manifests }));
    }
    await using home = await serve((path) => {
      const name = path.split("/").at(-1) ?? "";
      const body = name === "1" ? chain.at(-1) : chain.find((each) => sha256(each) === name);
      return body === undefined ? { status: 404 } : { status: 200, headers: { "content-type": type }, body };
    });
    expect((await failureOf(pullFrom(home.host, options))).message).toMatch(/nested too deep/);
  });
});
