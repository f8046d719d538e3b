/** Docker's token authentication, with its registry and a token server. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { login, RegistryClient, type RegistryOptions } from "../../driver/index.ts";
import { parseReference } from "../../driver/oci/reference.ts";
import { buildImage } from "../fixtures/image-builder.ts";
import { makeCertificates, type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { startTokenServer, type TokenServer } from "../fixtures/token-server.ts";
import { writeOciLayout } from "../fixtures/image-builder.ts";
import { needPrograms } from "../need.ts";

const image = { names: ["docker.io/library/app:1"], layers: [{ tar: tar([{ path: "a", data: "a" }]) }] };

describe.skipIf(needPrograms("docker-registry", "openssl").missing)("a registry with a token server", () => {
  let folder = "";
  let registry: RegistryFixture;
  let tokens: TokenServer;
  const options = (file: string): RegistryOptions => ({
    env: {},
    hostsDirs: [],
    authFile: join(folder, file),
    patience: { firstPauseMs: 10 },
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-token-"));
    const files = await makeCertificates(folder);
    tokens = await startTokenServer(files);
    registry = await startRegistry({ folder, token: { realm: tokens.realm, certificate: files.authority } });
    await using store = await openTestStore();
    const [loaded] = await store.storage.load(await writeOciLayout(join(folder, "layout"), [image]));
    expect(loaded?.id).toBe(buildImage(image).configDigest);
    await login(registry.host, { ...options("auth.json"), username: "me", password: "s3cret" });
    await using client = new RegistryClient(options("auth.json"));
    for (const repository of ["public/app", "private/app"]) {
      await store.storage.images.tag("app:1", `${registry.host}/${repository}:1`);
      await store.storage.push(`${registry.host}/${repository}:1`, { client });
    }
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await tokens[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("login refuses a wrong password by the token server's word", async () => {
    const wrong = login(registry.host, { ...options("none.json"), username: "me", password: "wrong" });
    await expect(wrong).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
  });

  it("anyone pulls what is public; what is not needs credentials: a password, or an identity token", async () => {
    await using nobody = new RegistryClient(options("none.json"));
    const open = parseReference(`${registry.host}/public/app:1`);
    const closed = parseReference(`${registry.host}/private/app:1`);
    expect((await nobody.resolve(open)).descriptor.digest).toBe(buildImage(image).descriptor.digest);
    await expect(nobody.resolve(closed)).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    await using known = new RegistryClient(options("auth.json"));
    expect((await known.resolve(closed)).descriptor.digest).toBe(buildImage(image).descriptor.digest);
    const auths = { [registry.host]: { identitytoken: "refresh-me" } };
    await writeFile(join(folder, "identity.json"), JSON.stringify({ auths }));
    await using identity = new RegistryClient(options("identity.json"));
    const before = tokens.asked.length;
    expect((await identity.resolve(closed)).descriptor.digest).toBe(buildImage(image).descriptor.digest);
    expect(tokens.asked.slice(before)).toEqual([
      { method: "POST", scopes: ["repository:private/app:pull"], account: "me" },
    ]);
  });

  it("one token serves a whole pull; one that has run out is replaced", async () => {
    await using store = await openTestStore();
    await using client = new RegistryClient(options("auth.json"));
    const before = tokens.asked.length;
    await store.storage.pull(`${registry.host}/private/app:1`, { client });
    expect(tokens.asked.length - before).toBe(1);
    const reference = parseReference(`${registry.host}/public/app:1`);
    tokens.shiftSeconds = -1000;
    await expect(client.resolve(reference)).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    tokens.shiftSeconds = 0;
    expect((await client.resolve(reference)).descriptor.digest).toBe(buildImage(image).descriptor.digest);
  });
});
