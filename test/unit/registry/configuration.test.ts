import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endpointsFor } from "../../../driver/registry/endpoints.ts";
import { isLinkLocal, isLoopback } from "../../../driver/registry/hosts.ts";
import { proxyFor } from "../../../driver/registry/proxy.ts";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "laminate-hosts-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

describe("endpointsFor", () => {
  const env = { CONTAINERS_REGISTRIES_CONF: "/nonexistent/registries.conf" };
  const plain = (domain: string, isTlsVerified = true) =>
    endpointsFor(domain, "a/b", { hostsDirs: [], isTlsVerified, env }).map(({ host, scheme }) => [host, scheme]);

  it("speaks plain HTTP to this machine only, and elsewhere when asked", () => {
    expect(plain("docker.io")).toEqual([["registry-1.docker.io", "https"]]);
    expect(plain("localhost:5000")).toEqual([["localhost:5000", "either"]]);
    expect(plain("127.0.0.1:5000")).toEqual([["127.0.0.1:5000", "either"]]);
    expect(plain("localhost.example:5000")).toEqual([["localhost.example:5000", "https"]]);
    expect(plain("registry.example", false)).toEqual([["registry.example", "either"]]);
  });

  it("takes mirrors of hosts.toml in order, the server last, and keeps credentials of the registry from mirrors", () => {
    write(
      "certs.d/docker.io/hosts.toml",
      `server = "https://registry-1.docker.io"
       [host."https://mirror.example"]
       ca = "mirror.crt"
       [host."http://cache.example:5000/proxy/v2"]
       capabilities = ["pull"]
       override_path = true
       [host."http://cache.example:5000/proxy/v2".header]
       X-Key = "1"`,
    );
    const found = endpointsFor("docker.io", "library/debian", { hostsDirs: [join(folder, "certs.d")], env });
    expect(found).toMatchObject([
      { host: "mirror.example", scheme: "https", credentialsOf: "mirror.example", pathPrefix: "/v2" },
      { host: "cache.example:5000", scheme: "http", pathPrefix: "/proxy/v2", headers: { "x-key": "1" } },
      { host: "registry-1.docker.io", scheme: "https", credentialsOf: "docker.io" },
    ]);
    expect(found[0]?.tls.authorities).toEqual([join(folder, "certs.d/docker.io/mirror.crt")]);
    expect(found.map(({ capabilities }) => [...capabilities])).toEqual([
      ["pull", "resolve"],
      ["pull"],
      ["pull", "resolve", "push"],
    ]);
  });

  it("reads certificates of a directory without hosts.toml, and says which key is missing", () => {
    write("plain.d/localhost:5000/ca.crt", "");
    const [found] = endpointsFor("localhost:5000", "a", { hostsDirs: [join(folder, "plain.d")], env });
    expect(found).toMatchObject({ scheme: "https", isVerified: true });
    write("keyless.d/r.example/client.cert", "");
    expect(() => endpointsFor("r.example", "a", { hostsDirs: [join(folder, "keyless.d")], env })).toThrow(
      /client\.key is missing/,
    );
  });

  it("follows registries.conf: the longest prefix, its mirrors, other locations, what is blocked", () => {
    const conf = write(
      "registries.conf",
      `[[registry]]
       prefix = "r.example/team"
       location = "other.example/moved"
       [[registry.mirror]]
       location = "localhost:6000/copy"
       insecure = true
       [[registry]]
       prefix = "r.example/team/bad"
       blocked = true`,
    );
    const at = (repository: string) =>
      endpointsFor("r.example", repository, { hostsDirs: [], env: { CONTAINERS_REGISTRIES_CONF: conf } });
    expect(at("team/app").map(({ host, scheme, repositoryOf }) => [host, scheme, repositoryOf("team/app")])).toEqual([
      ["localhost:6000", "either", "copy/app"],
      ["other.example", "https", "moved/app"],
    ]);
    expect(at("teams/app").map(({ host }) => host)).toEqual(["r.example"]);
    expect(() => at("team/bad/app")).toThrow(/blocks r\.example\/team\/bad/);
  });
});

describe("proxyFor", () => {
  const url = new URL("https://registry.example/v2/");
  const env = { HTTPS_PROXY: "http://proxy.example:3128" };

  it("obeys HTTPS_PROXY and NO_PROXY, and never sends what is for this machine elsewhere", () => {
    expect(proxyFor(url, env)?.host).toBe("proxy.example:3128");
    expect(proxyFor(new URL("http://registry.example/"), env)).toBeUndefined();
    expect(proxyFor(new URL("https://localhost:5000/"), env)).toBeUndefined();
    for (const none of ["*", "example", ".registry.example", "other, registry.example:443"]) {
      expect(proxyFor(url, { ...env, NO_PROXY: none })).toBeUndefined();
    }
    for (const none of ["registry.example:8443", "xregistry.example", ""]) {
      expect(proxyFor(url, { ...env, no_proxy: none })).toBeDefined();
    }
    expect(proxyFor(new URL("https://10.1.2.3/"), { ...env, NO_PROXY: "10.0.0.0/8" })).toBeUndefined();
    expect(() => proxyFor(url, { HTTPS_PROXY: "socks5://me:word@x" })).toThrow(/^(?!.*word)/);
  });
});

describe("addresses", () => {
  it("tell this machine and this link from all others", () => {
    expect(["localhost", "a.localhost", "127.9.0.1", "[::1]"].every(isLoopback)).toBe(true);
    expect(["localhost.example", "128.0.0.1", "127.0.0.1.example"].some(isLoopback)).toBe(false);
    expect(["169.254.169.254", "[fe80::1]", "[::ffff:a9fe:a9fe]"].every(isLinkLocal)).toBe(true);
    expect(["170.254.169.254", "[fd00::1]"].some(isLinkLocal)).toBe(false);
  });
});
