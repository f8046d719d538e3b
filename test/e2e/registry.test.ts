/** Against Debian's docker-registry: with passwords and TLS, and with a token server. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { login, logout, RegistryClient, type RegistryOptions } from "../../driver/index.ts";
import { parseReference } from "../../driver/oci/reference.ts";
import { buildImage, encode, type FixtureImage, sha256 } from "../fixtures/image-builder.ts";
import { deleteBlob, putImage, putManifest, type Uploader } from "../fixtures/registry-image.ts";
import { makeCertificates, type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { fingerprint, openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { needPrograms } from "../need.ts";

const main = javascriptOf("cli/main.ts");
const base = tar([
  { path: "etc/", type: "directory", mode: 0o755 },
  { path: "etc/release", data: "one" },
]);
const first: FixtureImage = { layers: [{ tar: base }, { tar: tar([{ path: "a", data: "a" }]), compression: "zstd" }] };
const arm: FixtureImage = {
  layers: [{ tar: base }, { tar: tar([{ path: "arm", data: "arm" }]) }],
  platform: { os: "linux", architecture: "arm64" },
};

describe.skipIf(needPrograms("docker-registry", "openssl").missing)("a registry with TLS and passwords", () => {
  let folder = "";
  let registry: RegistryFixture;
  let options: RegistryOptions;
  let uploader: Uploader;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-registry-"));
    const tls = await makeCertificates(folder);
    registry = await startRegistry({ folder, tls, hasPassword: true });
    const hosts = join(folder, "certs.d", registry.host);
    await mkdir(hosts, { recursive: true });
    await writeFile(join(hosts, "ca.crt"), await readFile(tls.authority));
    options = { hostsDirs: [join(folder, "certs.d")], authFile: join(folder, "auth.json"), env: {} };
    uploader = {
      origin: `https://${registry.host}`,
      authority: await readFile(tls.authority, "utf8"),
      authorization: `Basic ${Buffer.from("me:s3cret").toString("base64")}`,
    };
    await putImage(uploader, "demo", buildImage(first), "1");
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("login refuses a wrong password and keeps nothing, then keeps the right one privately; logout forgets it", async () => {
    await expect(login(registry.host, { ...options, username: "me", password: "wrong" })).rejects.toMatchObject({
      code: "ERR_UNAUTHENTICATED",
    });
    await expect(stat(join(folder, "auth.json"))).rejects.toThrow("ENOENT");
    await login(registry.host, { ...options, username: "me", password: "s3cret" });
    expect((await stat(join(folder, "auth.json"))).mode & 0o777).toBe(0o600);
    expect(await logout(registry.host, options)).toBe(true);
    expect(await logout(registry.host, options)).toBe(false);
    await using client = new RegistryClient(options);
    await using store = await openTestStore();
    await expect(store.storage.pull(`${registry.host}/demo:1`, { client })).rejects.toMatchObject({
      code: "ERR_UNAUTHENTICATED",
      message: expect.stringContaining("laminate login") as string,
    });
  });

  it("pull fetches by tag, by digest and by both, and push sends the same bytes that come back", async () => {
    await login(registry.host, { ...options, username: "me", password: "s3cret" });
    await using client = new RegistryClient(options);
    await using store = await openTestStore();
    const { storage } = store;
    const { digest } = buildImage(first).descriptor;
    const pulled = await storage.pull(`${registry.host}/demo:1`, { client });
    expect(pulled).toMatchObject({ digest, isNewer: true, layersExtracted: 2, id: buildImage(first).configDigest });
    expect(await storage.pull(`${registry.host}/demo:1`, { client })).toMatchObject({
      isNewer: false,
      layersReused: 2,
    });
    expect(await storage.pull(`${registry.host}/demo@${digest}`, { client })).toMatchObject({ digest });
    expect(await storage.pull(`${registry.host}/demo:1@${digest}`, { client })).toMatchObject({ digest });
    await expect(
      storage.pull(`${registry.host}/demo:1@${sha256(Buffer.from("other"))}`, { client }),
    ).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    const mounted = await storage.mountImage(`${registry.host}/demo:1`);
    expect(await readFile(join(mounted, "etc/release"), "utf8")).toBe("one");
    await storage.unmountImage(`${registry.host}/demo:1`);

    await storage.images.tag(`${registry.host}/demo:1`, `${registry.host}/team/copy:2`);
    const pushed = await storage.push(`${registry.host}/team/copy:2`, { client });
    expect(pushed).toMatchObject({ digest, blobsMounted: 3, blobsSent: 0 });
    expect(await storage.push(`${registry.host}/team/copy:2`, { client })).toMatchObject({ blobsReused: 3 });
    const again = await client.resolve(parseReference(`${registry.host}/team/copy:2`));
    expect(Buffer.from(again.bytes)).toEqual(buildImage(first).manifestBytes);
    expect(await client.tags(parseReference(`${registry.host}/team/copy`))).toEqual(["2"]);
    expect(await client.head(parseReference(`${registry.host}/team/copy:2`))).toEqual(again.descriptor);
    expect(await fingerprint(store)).toMatchObject({ staging: ["lock"], ingest: ["gate.lock", "index.lock"] });
  });

  it("pull takes the image for the platform out of an index, and says which there are", async () => {
    await login(registry.host, { ...options, username: "me", password: "s3cret" });
    const [ours, other] = [buildImage(first), buildImage(arm)];
    for (const image of [ours, other]) await putImage(uploader, "multi", image);
    const entry = (image: typeof ours, architecture: string): object => ({
      ...image.descriptor,
      platform: { os: "linux", architecture },
    });
    const type = "application/vnd.oci.image.index.v1+json";
    const manifests = [entry(ours, process.arch === "arm64" ? "arm64" : "amd64"), entry(other, "arm64")];
    const index = encode({ schemaVersion: 2, mediaType: type, manifests });
    await putManifest(uploader, "multi", "1", index, type);
    await using client = new RegistryClient(options);
    await using store = await openTestStore();
    const name = `${registry.host}/multi:1`;
    expect(await store.storage.pull(name, { client })).toMatchObject({ digest: sha256(index), id: ours.configDigest });
    expect(await store.storage.pull(name, { client, platform: "linux/arm64" })).toMatchObject({
      id: other.configDigest,
    });
    await expect(store.storage.pull(name, { client, platform: "linux/s390x" })).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      message: expect.stringContaining("linux/arm64") as string,
    });
  });

  it("pull says what is missing of an image whose blob was deleted, and makes nothing visible", async () => {
    await login(registry.host, { ...options, username: "me", password: "s3cret" });
    const image = buildImage({ layers: [{ tar: base }, { tar: tar([{ path: "gone", data: "gone" }]) }] });
    await putImage(uploader, "holey", image, "1");
    const digest = image.layers[1]?.descriptor.digest ?? "";
    await deleteBlob(uploader, "holey", digest);
    await using client = new RegistryClient(options);
    await using store = await openTestStore();
    await expect(store.storage.pull(`${registry.host}/holey:1`, { client })).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      message: expect.stringContaining(digest) as string,
    });
    expect(await fingerprint(store)).toMatchObject({ images: [], snapshots: [], staging: ["lock"] });
  });

  it("a certificate that nobody here trusts is refused with a word on how to trust it, unless checks are off", async () => {
    await login(registry.host, { ...options, username: "me", password: "s3cret" });
    const reference = parseReference(`${registry.host}/demo:1`);
    await using strict = new RegistryClient({ ...options, hostsDirs: [] });
    await expect(strict.resolve(reference)).rejects.toMatchObject({
      code: "ERR_PERMISSION_DENIED",
      message: expect.stringContaining("authority that is not trusted") as string,
    });
    await using lax = new RegistryClient({ ...options, hostsDirs: [], isTlsVerified: false });
    expect((await lax.resolve(reference)).descriptor.digest).toBe(buildImage(first).descriptor.digest);
  });

  it("login, pull and run --pull work from the command line in Docker's words", () => {
    const root = join(folder, "root");
    const run = (words: readonly string[], input = "") =>
      spawnSync(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", main, "--root", root, "--durability", "none", ...words],
        { encoding: "utf8", input, env: { ...process.env, DOCKER_CONFIG: join(folder, "docker"), HOME: folder } },
      );
    const hosts = ["--hosts-dir", join(folder, "certs.d")];
    const server = registry.host;
    const logged = run(["login", ...hosts, "-u", "me", "--password-stdin", server], "s3cret\n");
    expect(logged).toMatchObject({ status: 0, stdout: "Login Succeeded\n" });
    const pulled = run(["pull", ...hosts, `${server}/demo:1`]);
    expect(pulled.stdout).toBe(
      `Digest: ${buildImage(first).descriptor.digest}\n` +
        `Status: Downloaded newer image for ${server}/demo:1\n${server}/demo:1\n`,
    );
    expect(pulled.stderr).toContain("fetching");
    const none = run(["run", ...hosts, `${server}/none`]);
    expect(none.status).toBe(125);
    expect(none.stderr).toContain(`Unable to find image '${server}/none:latest' locally`);
    expect(none.stderr).toMatch(/cannot find image .*none.* MANIFEST_UNKNOWN|NAME_UNKNOWN/);
  }, 180_000);
});
