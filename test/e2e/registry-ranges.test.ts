/** Long blobs come in several ranges at once: of a network that fails, and of a registry that lies, right or not at all. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RegistryClient, type RegistryOptions } from "../../driver/index.ts";
import { buildImage, sha256 } from "../fixtures/image-builder.ts";
import { type Fault, type FaultProxy, type Seen, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { putImage } from "../fixtures/registry-image.ts";
import { type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { fingerprint, openTestStore, type TestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needPrograms } from "../need.ts";

const content = randomBytes(900_000);
const image = buildImage({ layers: [{ tar: tar([{ path: "big", data: content }]), compression: "none" }] });
const layer = image.layers[0]?.descriptor ?? image.descriptor;
const rangeBytes = 200_000;
/** Any connection is slow, and any blob long. */
const options: RegistryOptions = {
  env: {},
  hostsDirs: [],
  patience: { firstPauseMs: 10, longestPauseMs: 50, stallTimeoutMs: 30_000 },
  ranges: { leastBytes: 0, rangeBytes, atOnce: 3, slowBytesPerSecond: Infinity },
};
const ranges = Array.from({ length: Math.ceil(layer.size / rangeBytes) }, (_, at) => {
  const end = Math.min(layer.size, (at + 1) * rangeBytes);
  return `bytes=${at * rangeBytes}-${end === layer.size ? "" : end - 1}`;
});

function isLayer({ path, method }: Seen): boolean {
  return method === "GET" && path.endsWith(layer.digest);
}

describe.skipIf(needPrograms("docker-registry").missing)("a blob in ranges", () => {
  let folder = "";
  let registry: RegistryFixture;
  let proxy: FaultProxy;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-ranges-"));
    registry = await startRegistry({ folder });
    await putImage({ origin: `http://${registry.host}` }, "demo", image, "1");
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function pull(store: TestStore, fault: (seen: Seen) => Fault | undefined, more: RegistryOptions = {}) {
    proxy = await startFaultProxy(registry.port);
    proxy.fault = (seen) => (isLayer(seen) ? fault(seen) : undefined);
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

  it("is fetched by several connections at once, each byte once", async () => {
    await using store = await openTestStore();
    let inFlight = 0;
    let arrived = (): void => undefined;
    const three = new Promise<void>((resolve) => (arrived = resolve));
    await pull(store, ({ headers }) => {
      if (headers.range === ranges[0]) return undefined;
      // None of them ends before the third has begun.
      if (++inFlight === 3) arrived();
      return { kind: "hold", until: three };
    });
    await expectWhole(store);
    expect(new Set(proxy.seen.filter(isLayer).map(({ headers }) => headers.range))).toEqual(new Set(ranges));
    expect(proxy.seen.filter(isLayer)).toHaveLength(ranges.length);
    expect(proxy.blobBytes()).toBe(layer.size + image.configBytes.length);
  });

  it("is fetched one range after the other where connections are fast, or all are taken", async () => {
    for (const more of [{ ranges: { ...options.ranges, slowBytesPerSecond: 0 } }, { transfersAtOnce: 1 }]) {
      await using store = await openTestStore();
      let open = 0;
      let most = 0;
      await pull(
        store,
        () => {
          most = Math.max(most, ++open);
          return { kind: "change", body: (bytes) => bytes, end: () => open-- };
        },
        more,
      );
      expect(most).toBe(1);
      await expectWhole(store);
    }
  });

  const third = ranges[2];
  const faults: readonly (readonly [string, Fault | ((seen: Seen) => Fault), times: number, more?: RegistryOptions])[] =
    [
      ["is ignored", { kind: "ignore-range" }, 1],
      ["is ignored each time", { kind: "ignore-range" }, 100],
      ["is refused with 416", { kind: "answer", status: 416 }, 1],
      ["is reset in its middle", { kind: "reset", afterBytes: 70_000 }, 1],
      ["is reset in its middle twice", { kind: "reset", afterBytes: 70_000 }, 2],
      ["is closed before its end", { kind: "close", afterBytes: rangeBytes - 1 }, 1],
      ["is silent", { kind: "stall", afterBytes: 1 }, 1, { patience: { ...options.patience, stallTimeoutMs: 1000 } }],
      ["has to wait", { kind: "answer", status: 429, headers: { "retry-after": "0" } }, 1],
      ["cannot be had now", { kind: "answer", status: 503 }, 2],
      ["is another one", { kind: "change", head: otherRange }, 1],
      ["is longer than it should be", longer, 1],
    ];

  function otherRange(headers: Record<string, unknown>): void {
    headers["content-range"] = `bytes 1-${rangeBytes}/${layer.size}`;
  }

  function longer({ headers }: Seen): Fault {
    const [, from, last] = /^bytes=([0-9]+)-([0-9]*)$/.exec(headers.range ?? "") ?? [];
    const length = (last === "" ? layer.size : Number(last) + 1) - Number(from);
    let passed = 0;
    return {
      kind: "change",
      head: (head) => {
        delete head["content-length"];
      },
      body: (bytes) => {
        passed += bytes.length;
        return passed < length ? bytes : Buffer.concat([bytes, Buffer.alloc(rangeBytes)]);
      },
    };
  }

  for (const [what, fault, times, more] of faults) {
    it(`comes whole when the third range ${what}`, async () => {
      await using store = await openTestStore();
      let left = times;
      const make = typeof fault === "function" ? fault : () => fault;
      await pull(store, (seen) => (seen.headers.range === third && left-- > 0 ? make(seen) : undefined), more);
      await expectWhole(store);
      expect(await fingerprint(store)).toMatchObject({ staging: ["lock"], ingest: ["gate.lock", "index.lock"] });
    });
  }

  const lies: readonly (readonly [string, (seen: Seen) => Fault, RegExp])[] = [
    [
      "has a wrong byte",
      () => ({ kind: "change", body: (bytes) => Buffer.from(bytes).fill(7, 10, 20) }),
      /digest is sha256:.*, expected sha256:/,
    ],
    ["is longer than it should be each time", longer, /sends more than \d+ bytes/],
  ];
  for (const [what, lie, message] of lies) {
    it(`is refused when the third range ${what}, and nothing becomes visible`, async () => {
      await using store = await openTestStore();
      const isThird = ({ headers }: Seen): boolean =>
        Number(/^bytes=([0-9]+)-/.exec(headers.range ?? "")?.[1]) >= 2 * rangeBytes;
      await expect(pull(store, (seen) => (isThird(seen) ? lie(seen) : undefined))).rejects.toMatchObject({
        code: "ERR_DATA_LOSS",
        message: expect.stringMatching(message) as string,
      });
      expect(await fingerprint(store)).toMatchObject({ images: [], snapshots: [], staging: ["lock"] });
    });
  }
});
