/** Images from place to place as they are: byte for byte, all or nothing. */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { copyImage, parseReference, RegistryClient, type RegistryOptions } from "../../driver/index.ts";
import {
  blobPath,
  buildDockerArchive,
  type BuiltImage,
  buildImage,
  encode,
  type FixtureImage,
  flipByte,
  packFiles,
  dockerFiles,
  sha256,
  writeOciLayout,
} from "../fixtures/image-builder.ts";
import { type Seen, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { putImage, putManifest } from "../fixtures/registry-image.ts";
import { type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { needPrograms } from "../need.ts";

const big = randomBytes(400_000);
const fixture: FixtureImage = {
  names: ["demo"],
  layers: [
    { tar: tar([{ path: "etc/release", data: "one" }]) },
    { tar: tar([{ path: "big", data: big }]), compression: "zstd" },
  ],
};
const image = buildImage(fixture);
const layer = image.layers[1]?.descriptor ?? image.descriptor;
const arm = buildImage({ layers: [{ tar: tar([{ path: "arm" }]) }], platform: { os: "linux", architecture: "arm64" } });
const options: RegistryOptions = {
  env: {},
  hostsDirs: [],
  patience: { attempts: 2, firstPauseMs: 10, longestPauseMs: 50 },
};
const emptyConfig = { mediaType: "application/vnd.oci.empty.v1+json", digest: sha256(Buffer.from("{}")), size: 2 };
const { digest } = image.descriptor;
const blobs = [...image.layers.map(({ bytes }) => bytes), image.configBytes];

describe.skipIf(needPrograms("docker-registry").missing)("copyImage", () => {
  let folder = "";
  let registry: RegistryFixture;
  let client: RegistryClient;
  let at = "";
  let places = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-copies-"));
    registry = await startRegistry({ folder });
    await putImage({ origin: `http://${registry.host}` }, "demo", image, "1");
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    client = new RegistryClient(options);
    at = join(folder, `place${places++}`);
    await mkdir(at);
  });

  afterEach(async () => {
    await client[Symbol.asyncDispose]();
  });

  function copy(from: string, to: string, more: Parameters<typeof copyImage>[2] = {}): ReturnType<typeof copyImage> {
    return copyImage(from, to, { sourceClient: client, ...more });
  }

  /** The document of a name in the registry. */
  async function resolved(name: string): Promise<Buffer> {
    return Buffer.from((await client.resolve(parseReference(`${registry.host}/${name}`))).bytes);
  }

  async function indexOf(dir: string): Promise<{ manifests: Record<string, unknown>[] }> {
    return JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as { manifests: Record<string, unknown>[] };
  }

  async function expectBlobs(dir: string, { layers, configBytes, manifestBytes }: BuiltImage): Promise<void> {
    for (const bytes of [...layers.map((each) => each.bytes), configBytes, manifestBytes]) {
      expect(sha256(await readFile(join(dir, blobPath(sha256(bytes)))))).toBe(sha256(bytes));
    }
  }

  /** Paths below a folder. */
  async function listing(dir: string): Promise<readonly string[]> {
    return (await readdir(dir, { recursive: true })).sort();
  }

  it("keeps every byte from a registry through a layout and archives of both kinds to a registry again", async () => {
    const steps = [
      `docker://${registry.host}/demo:1`,
      `oci:${at}/layout:one`,
      `oci-archive:${at}/a.tar:two`,
      `docker-archive:${at}/b.tar:team/app:3`,
      `${registry.host}/round/trip:4`,
    ];
    for (const [i, to] of steps.entries()) {
      if (i === 0) continue;
      const copied = await copy(steps[i - 1] ?? "", to);
      expect(copied).toMatchObject({ digest, manifests: 1, blobsSent: 3, blobsMounted: 0, blobsReused: 0 });
      expect(copied.bytesSent).toBe(blobs.reduce((sum, { length }) => sum + length, 0));
    }
    expect(await resolved("round/trip:4")).toEqual(image.manifestBytes);
    await expectBlobs(join(at, "layout"), image);
    expect((await listing(at)).filter((name) => !name.includes("sha256"))).toEqual(
      ["a.tar", "b.tar", "layout", "layout/blobs", "layout/index.json", "layout/oci-layout"].sort(),
    );
    // Files say themselves what they are, and load takes them.
    expect(await copy(join(at, "b.tar"), `oci:${at}/layout:again`)).toMatchObject({ digest, blobsReused: 3 });
  });

  it("sends nothing that the target has, and mounts what another repository of the registry has", async () => {
    await using proxy = await startFaultProxy(registry.port);
    const sent = (): readonly Seen[] => proxy.seen.filter(({ method }) => method === "PUT" || method === "PATCH");
    expect(await copy(`${proxy.host}/demo:1`, `${proxy.host}/mounted:1`)).toMatchObject({ digest, blobsMounted: 3 });
    expect(sent().map(({ path }) => path)).toEqual(["/v2/mounted/manifests/1"]);
    expect(proxy.seen.some(({ path }) => path.includes("mount=") && path.includes("from=demo"))).toBe(true);
    expect(await copy(`${proxy.host}/demo:1`, `${proxy.host}/mounted:2`)).toMatchObject({ blobsReused: 3 });
    expect(await copy(`${proxy.host}/demo:1`, `${proxy.host}/demo:again`)).toMatchObject({ blobsReused: 3 });
    expect(sent()).toHaveLength(3);
    expect(proxy.blobBytes()).toBe(0);
    expect(await resolved("mounted:2")).toEqual(image.manifestBytes);
    // From elsewhere there is nothing to mount.
    await copy(`${registry.host}/demo:1`, `oci:${at}/l`);
    expect(await copy(`oci:${at}/l`, `${proxy.host}/elsewhere:1`)).toMatchObject({ blobsSent: 3 });
  });

  it("takes one platform out of an index, or the whole of it, nested and with what is no image", async () => {
    const manifestType = "application/vnd.oci.image.manifest.v1+json";
    const indexType = "application/vnd.oci.image.index.v1+json";
    const origin = { origin: `http://${registry.host}` };
    const note = { schemaVersion: 2, mediaType: manifestType, config: emptyConfig, layers: [] };
    const noteBytes = encode(note);
    const own = { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" };
    const other = process.arch === "arm64" ? "amd64" : "arm64";
    await putImage(origin, "multi", image);
    await putImage(origin, "multi", arm);
    await putImage(origin, "multi", {
      ...image,
      layers: [],
      configBytes: Buffer.from("{}"),
      manifestBytes: noteBytes,
      descriptor: { ...image.descriptor, digest: sha256(noteBytes), size: noteBytes.length },
    });
    const inner = encode({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [{ ...arm.descriptor, platform: { os: "linux", architecture: other } }],
    });
    await putManifest(origin, "multi", sha256(inner), inner, indexType);
    const attestation = { "vnd.docker.reference.type": "attestation-manifest" };
    const outer = encode({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [
        { ...image.descriptor, platform: own },
        { mediaType: indexType, digest: sha256(inner), size: inner.length },
        {
          ...{ mediaType: manifestType, digest: sha256(noteBytes), size: noteBytes.length },
          ...{ annotations: attestation, platform: { os: "unknown", architecture: "unknown" } },
        },
      ],
    });
    await putManifest(origin, "multi", "1", outer, indexType);
    const from = `${registry.host}/multi:1`;

    expect(await copy(from, `oci:${at}/one:a`)).toMatchObject({ digest, manifests: 1 });
    expect(await copy(from, `oci:${at}/one:b`, { platform: `linux/${other}` })).toMatchObject({
      digest: arm.descriptor.digest,
    });
    await expect(copy(from, `oci:${at}/one:c`, { platform: "linux/s390x" })).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      message: expect.stringContaining("linux/arm64") as string,
    });
    expect((await indexOf(join(at, "one"))).manifests).toHaveLength(2);

    const whole = { isWhole: true };
    expect(await copy(from, `oci:${at}/all:x`, whole)).toMatchObject({ digest: sha256(outer), manifests: 5 });
    await copy(`oci:${at}/all:x`, `oci-archive:${at}/all.tar:x`, whole);
    expect(await copy(`oci-archive:${at}/all.tar:x`, `${registry.host}/multi/copy:1`, whole)).toMatchObject({
      digest: sha256(outer),
    });
    expect(await resolved("multi/copy:1")).toEqual(outer);
    expect(await resolved(`multi/copy@${sha256(inner)}`)).toEqual(inner);
    expect(await resolved(`multi/copy@${sha256(noteBytes)}`)).toEqual(noteBytes);
    await expect(copy(from, `docker-archive:${at}/all-docker.tar`, whole)).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
      message: expect.stringContaining("use oci-archive") as string,
    });
    expect(await listing(at)).not.toContain("all-docker.tar");
  });

  describe("when a byte of a layer is wrong", () => {
    const mismatch = { code: "ERR_DATA_LOSS", message: expect.stringMatching(/sha256:.*, expected sha256:/) as string };

    it("in files, says both digests and leaves every kind of target as it was", async () => {
      const bad = await writeOciLayout(join(at, "bad"), [fixture], {
        edit: (files) => files.set(blobPath(layer.digest), flipByte(image.layers[1]?.bytes ?? big, 200_000)),
      });
      await copy(`${registry.host}/demo:1`, `oci:${at}/there:kept`);
      await rm(join(at, "there", blobPath(layer.digest)));
      await rm(join(at, "there", blobPath(image.configDigest)));
      const before = [await listing(at), await indexOf(join(at, "there"))];
      for (const to of ["there:new", "fresh:new"])
        await expect(copy(bad, `oci:${at}/${to}`)).rejects.toMatchObject(mismatch);
      for (const kind of ["oci-archive", "docker-archive"]) {
        await expect(copy(bad, `${kind}:${at}/x.tar`)).rejects.toMatchObject(mismatch);
      }
      expect([await listing(at), await indexOf(join(at, "there"))]).toEqual(before);
      await expect(copy(bad, `${registry.host}/wrong:1`)).rejects.toMatchObject(mismatch);
      await expect(resolved("wrong:1")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    });

    it("from a registry, in one piece or in several, gives the image no name", async () => {
      await using proxy = await startFaultProxy(registry.port);
      proxy.fault = ({ method, path }) =>
        method === "GET" && path.endsWith(layer.digest)
          ? { kind: "change", body: (bytes) => Buffer.from(bytes).fill(7, 100, 120) }
          : undefined;
      await using another = new RegistryClient({ ...options, chunks: { leastBytes: 0, chunkBytes: 100_000 } });
      for (const targetClient of [client, another]) {
        await expect(copy(`${proxy.host}/demo:1`, `${registry.host}/lied:1`, { targetClient })).rejects.toMatchObject(
          mismatch,
        );
        await expect(resolved("lied:1")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
      }
      await expect(copy(`${proxy.host}/demo:1`, `oci:${at}/l:1`)).rejects.toMatchObject(mismatch);
      expect(await listing(at)).toEqual([]);
    });
  });

  it("leaves nothing when it is interrupted", async () => {
    for (const to of ["oci:%/l:1", "oci-archive:%/a.tar", "docker-archive:%/d.tar", `${registry.host}/stopped:1`]) {
      await using proxy = await startFaultProxy(registry.port);
      const stop = new AbortController();
      proxy.fault = ({ method, path }) =>
        method === "GET" && path.endsWith(layer.digest) ? { kind: "stall", afterBytes: 100_000 } : undefined;
      const reason = new Error("stop");
      const copied = copy(`${proxy.host}/demo:1`, to.replace("%", at), {
        signal: stop.signal,
        onProgress: (event) => {
          if (event.layer === layer.digest && event.doneBytes > 0) stop.abort(reason);
        },
      });
      await expect(copied).rejects.toBe(reason);
      expect(await listing(at)).toEqual([]);
    }
    await expect(resolved("stopped:1")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  });

  it("puts images of several copies at once into one layout, and keeps what it does not know of others", async () => {
    const dir = join(at, "l");
    const other = buildImage({ layers: [{ tar: tar([{ path: "other" }]) }] });
    await putImage({ origin: `http://${registry.host}` }, "other", other, "1");
    await Promise.all(["a", "b"].map((tag) => copy(`${registry.host}/demo:1`, `oci:${dir}:${tag}`)));
    const index = await indexOf(dir);
    const [first] = index.manifests;
    await writeFile(
      join(dir, "index.json"),
      encode({ ...index, note: "kept", manifests: [{ ...first, data: "e30=" }] }),
    );
    const kept = first?.["annotations"] as Record<string, string>;
    const tag = kept["org.opencontainers.image.ref.name"] === "a" ? "c" : "a";
    await copy(`${registry.host}/other:1`, `oci:${dir}:${tag}`);
    await copy(`${registry.host}/demo:1`, `oci:${dir}:${tag}`);
    const changed = await indexOf(dir);
    expect(changed).toMatchObject({ note: "kept", manifests: [{ ...first, data: "e30=" }, { digest }] });
    expect(changed.manifests).toHaveLength(2);
    await expectBlobs(dir, image);
  });

  it("refuses what is in the way, is not there, is several, or leads out of an archive", async () => {
    await writeFile(join(at, "full.tar"), "mine");
    await mkdir(join(at, "mine"));
    await writeFile(join(at, "mine/file"), "");
    await writeOciLayout(join(at, "two"), [fixture, { ...fixture, names: ["second"], config: { Cmd: ["x"] } }]);
    const files = dockerFiles([fixture]);
    files.set("manifest.json", encode([{ Config: "../../etc/passwd", RepoTags: null, Layers: [] }]));
    await writeFile(join(at, "evil.tar"), await packFiles(files));
    const from = `${registry.host}/demo:1`;
    const refused: readonly (readonly [from: string, to: string, code: string, message: RegExp])[] = [
      [from, `oci-archive:${at}/full.tar`, "ERR_ALREADY_EXISTS", /remove it first/],
      [from, `oci:${at}/mine:1`, "ERR_FAILED_PRECONDITION", /is no OCI layout/],
      [from, `${at}/plain`, "ERR_INVALID_ARGUMENT", /want a reference, oci:DIR/],
      [from, "containers-storage:x", "ERR_UNIMPLEMENTED", /no containers-storage/],
      [from, `${registry.host}/x@${sha256(big)}`, "ERR_INVALID_ARGUMENT", /the image's digest is/],
      [from, `oci-archive:${at}/none/a.tar`, "ERR_NOT_FOUND", /none\/a\.tar/],
      [`${registry.host}/nothing:1`, `oci:${at}/n`, "ERR_NOT_FOUND", /HTTP 404/],
      [join(at, "two"), `oci:${at}/n`, "ERR_INVALID_ARGUMENT", /several images, demo, second; say which/],
      [`oci:${at}/two:third`, `oci:${at}/n`, "ERR_NOT_FOUND", /"third"/],
      [join(at, "evil.tar"), `oci:${at}/n`, "ERR_NOT_FOUND", /etc\/passwd/],
    ];
    const before = await listing(at);
    for (const [source, target, code, message] of refused) {
      await expect(copy(source, target)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
      });
    }
    expect(await listing(at)).toEqual(before);
  });

  it("makes a manifest for a docker-archive that has none, compressed layers or not", async () => {
    const docker = join(at, "docker.tar");
    await writeFile(docker, await buildDockerArchive([{ ...fixture, names: ["team/app:1"] }]));
    const copied = await copy(docker, `${registry.host}/from-docker:1`);
    const manifest = JSON.parse((await resolved("from-docker:1")).toString()) as { layers: { digest: string }[] };
    expect(manifest.layers.map((each) => each.digest)).toEqual(image.layers.map((each) => each.descriptor.digest));
    expect(await copy(`docker-archive:${docker}:team/app:1`, `oci:${at}/l:1`)).toMatchObject({ digest: copied.digest });
  });

  it("is a command, as image digest is", () => {
    const root = join(at, "root");
    const run = (...words: readonly string[]) =>
      spawnSync(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", javascriptOf("cli/main.ts"), "--root", root, ...words],
        { encoding: "utf8", env: { ...process.env, HOME: at } },
      );
    const digestFile = join(at, "digest");
    const from = `docker://${registry.host}/demo:1`;
    const copied = run("copy", "--digestfile", digestFile, "--dest-tls-verify=false", from, `oci:${at}/l:1`);
    expect(copied).toMatchObject({ status: 0, stdout: `${digest}\n` });
    expect(copied.stderr).toContain("fetching");
    expect(execFileSync("cat", [digestFile], { encoding: "utf8" })).toBe(digest);
    expect(run("image", "digest", "--remote", `${registry.host}/demo:1`)).toMatchObject({ stdout: `${digest}\n` });
    const wrong = run("copy", "--all", "--platform", "linux/arm64", from, `oci:${at}/m`);
    expect(wrong).toMatchObject({ status: 1, stdout: "" });
    expect(wrong.stderr).toContain("--platform takes one image");
  }, 180_000);

  it.skipIf(needPrograms("skopeo").missing)("and skopeo read each other's layouts and archives", async () => {
    const skopeo = (...words: readonly string[]): string => execFileSync("skopeo", words, { encoding: "utf8" });
    await copy(`${registry.host}/demo:1`, `oci:${at}/l:x`);
    await copy(`oci:${at}/l:x`, `oci-archive:${at}/a.tar:x`);
    for (const place of [`oci:${at}/l:x`, `oci-archive:${at}/a.tar:x`]) {
      expect(JSON.parse(skopeo("inspect", place))).toMatchObject({ Digest: digest });
    }
    skopeo("copy", "-q", `oci:${at}/l:x`, `oci:${at}/theirs:x`);
    expect(await copy(`oci:${at}/theirs:x`, `${registry.host}/theirs:1`)).toMatchObject({ digest });
    await copy(`oci:${at}/l:x`, `oci:${at}/theirs:y`);
    expect(JSON.parse(skopeo("inspect", `oci:${at}/theirs:x`))).toMatchObject({ Digest: digest });
  });
});
