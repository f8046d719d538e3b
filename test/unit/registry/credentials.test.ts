import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { changeAuthFile } from "../../../driver/registry/auth-file.ts";
import { findCredentials } from "../../../driver/registry/credentials.ts";

let folder = "";
let path = process.env["PATH"];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "laminate-credentials-"));
  const helper = `#!/bin/sh
read -r server
case "$1 $server" in
  "get https://index.docker.io/v1/") echo '{"Username":"hub","Secret":"one"}' ;;
  "get token.example") echo '{"Username":"<token>","Secret":"two"}' ;;
  "get broken.example") echo 'the vault is sealed'; exit 1 ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`;
  writeFileSync(join(folder, "docker-credential-test"), helper, { mode: 0o755 });
  path = process.env["PATH"];
  process.env["PATH"] = `${folder}:${path}`;
});

afterAll(() => {
  process.env["PATH"] = path;
  rmSync(folder, { recursive: true, force: true });
});

function file(document: unknown): string {
  const name = join(folder, "config.json");
  writeFileSync(name, JSON.stringify(document));
  return name;
}

function find(document: unknown, domain: string, repository = "a/b") {
  return findCredentials(domain, repository, { authFile: file(document), env: {} });
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString("base64") });

describe("findCredentials", () => {
  it("reads passwords by host, URL and the longest repository that has some", async () => {
    const auths = {
      "r.example": auth("host:1"),
      "r.example/team": auth("team:2"),
      "https://index.docker.io/v1/": auth("hub:3:4"),
      "https://old.example/v2/": auth("old:5"),
    };
    expect(await find({ auths }, "r.example", "other/app")).toEqual({
      kind: "password",
      username: "host",
      password: "1",
    });
    expect(await find({ auths }, "r.example", "team/app")).toMatchObject({ username: "team" });
    expect(await find({ auths }, "r.example", "teams/app")).toMatchObject({ username: "host" });
    expect(await find({ auths }, "docker.io")).toMatchObject({ username: "hub", password: "3:4" });
    expect(await find({ auths }, "old.example")).toMatchObject({ username: "old" });
    expect(await find({ auths }, "example")).toBeUndefined();
  });

  it("asks helpers, for one host or for all, and tells what is not known from what failed", async () => {
    expect(await find({ credsStore: "test" }, "docker.io")).toMatchObject({ username: "hub", password: "one" });
    expect(await find({ credHelpers: { "token.example": "test" } }, "token.example")).toEqual({
      kind: "identity-token",
      token: "two",
    });
    expect(await find({ credsStore: "test" }, "unknown.example")).toBeUndefined();
    await expect(find({ credsStore: "test" }, "broken.example")).rejects.toThrow(/the vault is sealed/);
    await expect(find({ credsStore: "../../bin/sh" }, "r.example")).rejects.toThrow(/no such name/);
  });

  it("does not show what is in a file that it cannot read", async () => {
    const name = join(folder, "bad.json");
    writeFileSync(name, '{"auths": {"r.example": {"auth": "c2VjcmV0" oops');
    const failure = await findCredentials("r.example", "a", { authFile: name, env: {} }).catch(String);
    expect(failure).toMatch(/is not JSON/);
    expect(failure).not.toContain("c2VjcmV0");
  });
});

describe("changeAuthFile", () => {
  it("changes one entry, keeps all else, and keeps the file private", async () => {
    const name = file({ auths: { other: auth("a:b") }, psFormat: "{{.ID}}" });
    await changeAuthFile(name, "r.example", { kind: "password", username: "me", password: "word" });
    expect(JSON.parse(readFileSync(name, "utf8"))).toEqual({
      auths: { other: auth("a:b"), "r.example": auth("me:word") },
      psFormat: "{{.ID}}",
    });
    expect(statSync(name).mode & 0o777).toBe(0o600);
    await changeAuthFile(name, "r.example", undefined);
    expect(JSON.parse(readFileSync(name, "utf8"))).toMatchObject({ auths: { other: auth("a:b") } });
  });
});
