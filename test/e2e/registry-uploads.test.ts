/** Long blobs go in pieces: past a network that fails, to registries that forget, and never to strangers with credentials. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RegistryClient, type RegistryOptions } from "../../driver/index.ts";
import { hasBlob, sendBlob } from "../../driver/registry/push-blob.ts";
import { sha256 } from "../fixtures/image-builder.ts";
import { type Fault, type Seen, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { needPrograms } from "../need.ts";

const bytes = randomBytes(250_000);
const descriptor = { mediaType: "application/octet-stream", digest: sha256(bytes), size: bytes.length };
const options: RegistryOptions = {
  env: {},
  hostsDirs: [],
  patience: { firstPauseMs: 10, longestPauseMs: 50 },
  chunks: { leastBytes: 0, chunkBytes: 100_000 },
};

/** Resolves to how often the bytes were asked for. */
async function send(host: string, repository: string, more: RegistryOptions = {}): Promise<number> {
  await using client = new RegistryClient({ ...options, ...more });
  const target = client.forPush({ domain: host, path: repository });
  let opened = 0;
  const blob = { context: `cannot push ${repository}`, repository, scope: "", descriptor };
  const open = (): Readable => {
    opened++;
    return Readable.from([bytes.subarray(0, 130_000), bytes.subarray(130_000)], { objectMode: false });
  };
  expect(await sendBlob(target, { ...blob, open })).toBe("sent");
  expect(await hasBlob(target, blob)).toBe(true);
  return opened;
}

describe.skipIf(needPrograms("docker-registry").missing)("an upload in pieces to docker-registry", () => {
  let folder = "";
  let registry: RegistryFixture;
  let repositories = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-uploads-"));
    registry = await startRegistry({ folder });
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** `fault` is for the second piece, once. */
  async function through(fault: Fault | undefined): Promise<{ opened: number; seen: readonly Seen[] }> {
    await using proxy = await startFaultProxy(registry.port);
    let pieces = 0;
    proxy.fault = ({ method }) => (method === "PATCH" && ++pieces === 2 ? fault : undefined);
    const opened = await send(proxy.host, `demo${repositories++}`);
    return { opened, seen: proxy.seen };
  }

  function ranges(seen: readonly Seen[]): readonly unknown[] {
    return seen.filter(({ method }) => method === "PATCH").map(({ headers }) => headers["content-range"]);
  }

  it("sends each piece once", async () => {
    const { seen } = await through(undefined);
    expect(ranges(seen)).toEqual(["0-99999", "100000-199999", "200000-249999"]);
  });

  const resumed: readonly (readonly [string, Fault])[] = [
    ["is reset before it gets through", { kind: "cut-request", afterBytes: 0 }],
    ["meets a registry that is busy", { kind: "answer", status: 503 }],
    ["comes too soon", { kind: "answer", status: 429, headers: { "retry-after": "0" } }],
  ];
  for (const [what, fault] of resumed) {
    it(`asks how far it is, and sends only the piece that ${what} again`, async () => {
      const { opened, seen } = await through(fault);
      expect(ranges(seen)).toEqual(["0-99999", "100000-199999", "100000-199999", "200000-249999"]);
      expect(seen.filter(({ method, path }) => method === "GET" && path.includes("/uploads/"))).toHaveLength(1);
      expect(opened).toBe(1);
    });
  }

  // Debian's registry knows an upload by the size it had when it last answered: then it is begun anew.
  const anew: readonly (readonly [string, Fault])[] = [
    ["is cut", { kind: "cut-request", afterBytes: 50_000 }],
    ["arrives, but its answer does not", { kind: "lose-answer" }],
    ["belongs to an upload that is gone", { kind: "answer", status: 404 }],
  ];
  for (const [what, fault] of anew) {
    it(`ends right when a piece ${what}`, async () => {
      await through(fault);
    });
  }
});

/** Keeps to the specification for uploads, in memory; each answer may be another's. */
async function startUploads(
  answer: (request: IncomingMessage, response: ServerResponse, at: number) => boolean = () => false,
) {
  const seen: { method: string; path: string; range: string | undefined; authorization: string | undefined }[] = [];
  const held: Buffer[] = [];
  const blobs = new Set<string>();
  const length = (): number => held.reduce((sum, part) => sum + part.length, 0);
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const { authorization } = headers;
    seen.push({ method, path: url, range: headers["content-range"], authorization });
    if (answer(request, response, seen.length)) return;
    const location = { location: "/v2/demo/blobs/uploads/1", range: `0-${Math.max(0, length() - 1)}` };
    if (method === "POST") held.length = 0;
    if (method === "HEAD") {
      const digest = url.split("/").at(-1) ?? "";
      response.writeHead(blobs.has(digest) ? 200 : 404, { "content-length": blobs.has(digest) ? descriptor.size : 0 });
      response.end();
      return;
    }
    if (method === "POST" || method === "GET") {
      response.writeHead(method === "POST" ? 202 : 204, location).end();
      return;
    }
    if (method === "PATCH" && headers["content-range"]?.startsWith(`${length()}-`) !== true) {
      response.writeHead(416, location).end();
      return;
    }
    // What comes stays, also of a piece that is cut.
    request.on("data", (part: Buffer) => held.push(part));
    request.on("error", () => undefined);
    request.on("end", () => {
      if (method === "PUT") blobs.add(sha256(Buffer.concat(held)));
      const range = `0-${length() - 1}`;
      response.writeHead(method === "PUT" ? 201 : 202, { location: location.location, range }).end();
    });
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    host: `localhost:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("an upload in pieces", () => {
  it("goes on in the middle of a piece that was cut there, and after one whose answer was lost", async () => {
    for (const fault of [{ kind: "cut-request", afterBytes: 40_000 }, { kind: "lose-answer" }] as const) {
      await using registry = await startUploads();
      await using proxy = await startFaultProxy(registry.port);
      let pieces = 0;
      proxy.fault = ({ method }) => (method === "PATCH" && ++pieces === 2 ? fault : undefined);
      expect(await send(proxy.host, "demo")).toBe(1);
      const starts = registry.seen.flatMap(({ range }) => (range === undefined ? [] : [Number(range.split("-")[0])]));
      const resumed = starts.find((start) => start % 100_000 !== 0) ?? 200_000;
      expect(starts).toEqual(fault.kind === "lose-answer" ? [0, 100_000, 200_000] : [0, 100_000, resumed, 200_000]);
      expect(resumed).toBeGreaterThan(100_000);
    }
  });

  it("is sent in one piece to a registry that takes no others, and from then on without asking", async () => {
    await using registry = await startUploads(({ method }, response) => {
      if (method === "PATCH") response.writeHead(405).end();
      return method === "PATCH";
    });
    await using client = new RegistryClient(options);
    const target = client.forPush({ domain: registry.host, path: "demo" });
    const blob = { context: "cannot push demo", repository: "demo", scope: "", descriptor };
    for (let round = 0; round < 2; round++) {
      await sendBlob(target, { ...blob, open: () => Readable.from([bytes], { objectMode: false }) });
    }
    expect(registry.seen.map(({ method }) => method)).toEqual(["POST", "PATCH", "POST", "PUT", "POST", "PUT"]);
  });

  it("has pieces as long as the registry wants them", async () => {
    await using registry = await startUploads(({ method }, response) => {
      if (method === "POST") response.setHeader("oci-chunk-min-length", "200000");
      return false;
    });
    await send(registry.host, "demo");
    expect(registry.seen.flatMap(({ range }) => range ?? [])).toEqual(["0-199999", "200000-249999"]);
  });

  it("is given up, with a word on why, at a registry that loses all", async () => {
    await using registry = await startUploads(({ method }, response) => {
      if (method === "PATCH") response.writeHead(202, { location: "/v2/demo/blobs/uploads/1", range: "0-9" }).end();
      return method === "PATCH";
    });
    await expect(send(registry.host, "demo", { patience: { ...options.patience, attempts: 2 } })).rejects.toMatchObject(
      {
        code: "ERR_UNAVAILABLE",
        message: expect.stringMatching(/loses what it is sent/) as string,
      },
    );
  });

  for (const challenge of ['Basic realm="x"', 'Bearer realm="https://localhost:1/token",service="s"']) {
    it(`shows no credentials to another host that it is sent to, even when that asks with ${challenge}`, async () => {
      await using stranger = await startUploads((request, response) => {
        request.resume();
        response.writeHead(401, { "www-authenticate": challenge }).end();
        return true;
      });
      await using registry = await startUploads(({ headers, method }, response) => {
        if (headers.authorization === undefined) {
          response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
          return true;
        }
        if (method !== "POST") return false;
        response.writeHead(202, { location: `http://${stranger.host}/upload/1` }).end();
        return true;
      });
      const secret = { credentials: { username: "me", password: "s3cret" } };
      await expect(send(registry.host, "demo", secret)).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
      expect(stranger.seen.length).toBeGreaterThan(0);
      expect(stranger.seen.map(({ authorization }) => authorization)).toEqual(stranger.seen.map(() => undefined));
      expect(registry.seen.some(({ authorization }) => authorization?.startsWith("Basic "))).toBe(true);
    });
  }
});

describe("a host that wants a pause", () => {
  it("gets it from all requests, whichever of them it told, and whichever repository they are for", async () => {
    let told = false;
    const early: string[] = [];
    let untilMs = 0;
    await using registry = await startUploads(({ url }, response) => {
      if (!told) {
        told = true;
        untilMs = performance.now() + 900;
        response.writeHead(429, { "retry-after": "1" }).end();
        return true;
      }
      if (performance.now() < untilMs) early.push(url ?? "");
      response.writeHead(404, {}).end();
      return true;
    });
    await using client = new RegistryClient(options);
    const look = (repository: string): Promise<boolean> =>
      hasBlob(client.forPush({ domain: registry.host, path: repository }), {
        ...{ context: "cannot look", repository, scope: "", descriptor },
      });
    const first = look("one");
    const { limits } = client.forPush({ domain: registry.host, path: "two" });
    const isPaused = async (): Promise<boolean> => {
      const given = new AbortController();
      const turn = limits.turn(given.signal).then(
        () => false,
        () => true,
      );
      await new Promise(setImmediate);
      given.abort();
      return turn;
    };
    while (!(await isPaused())) await sleep(5);
    await Promise.all([first, look("two"), look("three")]);
    expect(early).toEqual([]);
    expect(registry.seen).toHaveLength(4);
  });
});
