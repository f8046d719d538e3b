import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ImageSet } from "../../../driver/batch/image-set.ts";
import { readImageSet } from "../../../driver/batch/sets/read-set.ts";

const digest = `sha256:${"a".repeat(64)}`;
const env = { USER_NAME: "me", SECRET: "s3cret-value" };

const read = (text: string): Promise<ImageSet> =>
  readImageSet(["-"], { stdin: Readable.from([Buffer.from(text)]), env });
const messageOf = async (text: string): Promise<string> =>
  read(text).then(
    () => "it was read",
    (error: unknown) => (error as Error).message,
  );
const image = (source: string, rest: object = {}): object => ({ source, tags: [], platform: null, ...rest });
const wanted = (set: ImageSet, tags: readonly string[], at = 0): readonly string[] => {
  const { include = [], exclude = [] } = set.repositories[at] ?? {};
  const has = (patterns: typeof include, tag: string): boolean => patterns.some((pattern) => pattern.test(tag));
  return tags.filter((tag) => (include.length === 0 || has(include, tag)) && !has(exclude, tag));
};

describe("readImageSet reads lists", () => {
  it("takes a reference or a locator a line, without comments, doubles and blank lines", async () => {
    const set = await read(
      "debian:12 # stable\n\n# all of it\r\ndocker.io/library/debian:12\noci:lay:tag\ndocker://alpine\n./a.tar\n",
    );
    expect(set).toEqual({
      name: "-",
      images: [image("debian:12"), image("oci:lay:tag"), image("alpine"), image("./a.tar")],
      repositories: [],
      registries: [],
      warnings: [],
    });
  });

  it("takes NDJSON with digests, platforms and names", async () => {
    const set = await read(
      `{"image":"app:1","digest":"${digest}"}\n\n{"image":"b","platform":"aarch64","tags":["c:2"]}\n`,
    );
    expect(set.images).toEqual([image(`app:1@${digest}`), image("b", { platform: "linux/arm64", tags: ["c:2"] })]);
  });

  it.each([
    ["debian:12\nfoo bar\n", "-:2: a list has one reference"],
    ["debian:12\nDebian:12\n", "-:2: cannot use reference"],
    ["dir:x\n", '-:1: cannot use image "dir:x": dir: is not read here'],
    ["https://me:pw@host/x\n", "it is no URL"],
    ['{"image":"a"}\n{"image":"b","tag":"x"}\n', "-:2: tag is not known; allowed are image, digest, platform, tags"],
    ['{"image":"a"}\n{"image":7}\n', "-:2: image is not a string"],
    [`{"image":"a@${digest}","digest":"sha256:${"b".repeat(64)}"}\n`, "its digest is not sha256:b"],
    [`{"image":"oci:x","digest":"${digest}"}\n`, "a digest pins images of registries only"],
  ])("refuses %j, naming file and line", async (text, reason) => {
    const message = await messageOf(text);
    expect(message).toContain(reason);
    expect(message).not.toContain("pw");
  });

  it("refuses bytes that are not UTF-8, and standard input named twice", async () => {
    const stdin = Readable.from([Buffer.from([0xff, 0xfe, 0x61])]);
    await expect(readImageSet(["-"], { stdin })).rejects.toThrow("not text in UTF-8");
    await expect(readImageSet(["-", "-"])).rejects.toThrow("named twice");
  });
});

describe("readImageSet reads our own YAML", () => {
  it("takes images, repositories, registries and a platform for all", async () => {
    const set = await read(`
laminate: 1
platform: linux/amd64
registries:
  "r:5000": { username: "\${USER_NAME}", password: "x\${SECRET}", tls-verify: false }
images:
  - debian:12
  - { image: app, digest: "${digest}", tags: ["my/app:1"], platform: arm64 }
repositories:
  - { repository: "r:5000/app", include: ['1\\.\\d+'], semver: ["^3"], exclude: ['.*-rc.*'] }
`);
    expect(set.images).toEqual([
      image("debian:12", { platform: "linux/amd64" }),
      image(`app@${digest}`, { platform: "linux/arm64", tags: ["my/app:1"] }),
    ]);
    expect(set.registries).toEqual([{ host: "r:5000", username: "me", password: "xs3cret-value", verifyTls: false }]);
    expect(set.repositories).toMatchObject([{ repository: "r:5000/app", platform: "linux/amd64" }]);
    expect(wanted(set, ["1.2", "11.2", "1.2-rc1", "2.0", "3.0", "3.1-rc1", "latest"])).toEqual(["1.2", "3.0"]);
  });

  it.each([
    ["laminate: 2", "-:1: laminate is not 1"],
    ["laminate: 1\nimage: []", "-:2: image is not known; allowed are laminate, platform"],
    [
      "laminate: 1\nimages:\n - a\n - image: b\n   tag: x",
      "-:5: images[1].tag is not known; allowed are image, digest",
    ],
    ["laminate: 1\nimages:\n - 12", "-:3: images[0] is not a reference"],
    ["laminate: 1\nplatform: a/b/c/d", "cannot use platform"],
    ["laminate: 1\nrepositories:\n - repository: a:1", "-:3: repositories[0]: cannot use repository a:1: it has a tag"],
    [
      "laminate: 1\nrepositories:\n - repository: a\n   include: ['(']",
      "repositories[0]: cannot use regular expression",
    ],
    ['laminate: 1\nregistries:\n  r: { password: "s3cret-value${NOPE}" }', "needs the variable NOPE, which is not set"],
    ['laminate: 1\nregistries:\n  r: { password: "s3cret-value${9}" }', "no name of a variable"],
    ["laminate: 1\nregistries:\n  r: { password: s3cret-value, user: x }", "r.user is not known"],
    ["laminate: 1\nregistries:\n  r:\n   password: 's3cret-value\n", "-:5: not YAML"],
    ["laminate: 1\nimages: [a]\nimages: [b]", "-:3: not YAML: a key is there twice"],
    ["images: [a]\nx: 1", "has a list of images, but not laminate: 1"],
    ["- [a]", "-:1: [0] is not a reference"],
    ["foo: { bar: baz }", "is no set that is known"],
  ])("refuses %j, naming line and key and never a secret", async (text, reason) => {
    const message = await messageOf(text);
    expect(message).toContain(reason);
    expect(message).not.toContain("s3cret");
  });

  it("refuses aliases that grow without end, and more entries than a set may have", async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `x${i}: &x${i} [${i === 0 ? "l" : `*x${i - 1},`.repeat(9)}]`);
    expect(await messageOf(levels.join("\n"))).toContain("aliases repeat too much");
    const many = Array.from({ length: 100_001 }, (_, i) => `a${i}`).join("\n");
    await expect(read(many)).rejects.toMatchObject({ code: "ERR_RESOURCE_EXHAUSTED" });
  });
});

describe("readImageSet reads files of other tools", () => {
  it("takes skopeo sync's, with tags as they are written and expressions that search", async () => {
    const set = await read(`
registry.example.com:
    images:
        busybox: []
        redis: [1.10, "${digest}"]
    images-by-tag-regex:
        nginx: 1\\.13
    images-by-semver:
        alpine: ">= 3.12.0"
    credentials: { username: john, password: a secret }
    cert-dir: /certs
docker.io:
    tls-verify: false
    images:
        alpine: [latest]
`);
    const at = "registry.example.com";
    expect(set.images).toEqual([
      image(`${at}/redis:1.10`),
      image(`${at}/redis@${digest}`),
      image("docker.io/alpine:latest"),
    ]);
    expect(set.repositories.map(({ repository }) => repository)).toEqual(
      ["busybox", "nginx", "alpine"].map((name) => `${at}/${name}`),
    );
    expect(wanted(set, ["a", "b"], 0)).toEqual(["a", "b"]);
    expect(wanted(set, ["1.13", "x-1.13-y", "1x13"], 1)).toEqual(["1.13", "x-1.13-y"]);
    expect(wanted(set, ["3.11", "3.12", "v3.20.1", "4", "latest", "3.13-rc1"], 2)).toEqual(["3.12", "v3.20.1", "4"]);
    expect(set.registries).toEqual([
      { host: at, username: "john", password: "a secret" },
      { host: "docker.io", verifyTls: false },
    ]);
    expect(set.warnings).toEqual([expect.stringContaining("-:11: registry.example.com.cert-dir is not used")]);
    expect(await messageOf("h:\n  images: { a: [] }\n  image: {}")).toContain(
      "-:3: h.image is not known; allowed are images,",
    );
  });

  it("takes regsync's, with whole expressions, merged keys, templates and a warning for each key that it does not use", async () => {
    const set = await read(`
version: 1
x-tags: &tags
  tags: { allow: ["3", '3\\.\\d+'], deny: ['3\\.1'], semverRange: [">=7"] }
creds:
  - { registry: "localhost:5000", tls: disabled, user: '{{env "USER_NAME"}}', pass: '{{ env "SECRET" }}', reqPerSec: 5 }
defaults: { parallel: 2 }
sync:
  - { source: "busybox:1", target: "localhost:5000/busybox:1", type: image, platforms: [linux/arm64, linux/amd64] }
  - { source: "ghcr.io", target: "x", type: registry, repos: { allow: [a/b, c] } }
  - <<: *tags
    source: alpine
    type: repository
`);
    expect(set.images).toEqual([image("busybox:1", { tags: ["localhost:5000/busybox:1"], platform: "linux/arm64" })]);
    expect(set.repositories.map(({ repository }) => repository)).toEqual([
      "ghcr.io/a/b",
      "ghcr.io/c",
      "docker.io/library/alpine",
    ]);
    expect(wanted(set, ["3", "3.1", "3.2", "x3.2", "3.2.1", "7.0"], 2)).toEqual(["3", "3.2", "7.0"]);
    expect(set.registries).toEqual([
      { host: "localhost:5000", username: "me", password: "s3cret-value", verifyTls: false },
    ]);
    expect(set.warnings.map((warning) => warning.split(" ")[1])).toEqual([
      "defaults.parallel",
      "creds[0].reqPerSec",
      "sync[0].platforms:",
      "sync[1].target",
    ]);
  });

  it.each([
    ["sync: [{ source: ghcr.io, type: registry, repos: { allow: ['a.*'] } }]", "not patterns"],
    ["sync: [{ source: a, type: images }]", "-:1: sync[0].type is not image, repository or registry"],
    ["version: 3\nsync: []", "-:1: version is not 1"],
    ["creds: [{ registry: r, pass: '{{file \"/etc/shadow\"}}' }]\nsync: []", 'only {{env "NAME"}} is known here'],
    ["creds: [{ registry: r, tls: off }]\nsync: []", "-:1: creds[0].tls is not enabled, insecure or disabled"],
  ])("refuses regsync's %j", async (text, reason) => {
    expect(await messageOf(text)).toContain(reason);
  });

  it("takes image-syncer's maps and credentials, of several files, in YAML and JSON", async () => {
    const images = await read(`
quay.io/c/all: quay.io/r/all
quay.io/c/k:v1: quay.io/r/k
quay.io/c/k:v1,v2: [quay.io/r/k, "b:x"]
quay.io/c/re:/a+/: quay.io/r/re
quay.io/c/k@${digest}: quay.io/r/k:pinned
`);
    expect(images.images).toEqual([
      image("quay.io/c/k:v1", { tags: ["quay.io/r/k:v1", "b:x"] }),
      image("quay.io/c/k:v2", { tags: ["quay.io/r/k:v2", "b:x"] }),
      image(`quay.io/c/k@${digest}`, { tags: ["quay.io/r/k:pinned"] }),
    ]);
    expect(wanted(images, ["xay", "b"], 0)).toEqual(["xay", "b"]);
    expect(wanted(images, ["xay", "b"], 1)).toEqual(["xay"]);
    const auth = await read(
      "quay.io: { username: u, password: '${SECRET}', insecure: true }\nquay.io/x: { username: v }\n",
    );
    expect(auth.registries).toEqual([{ host: "quay.io", username: "u", password: "s3cret-value", verifyTls: false }]);
    expect(auth.warnings).toEqual([expect.stringContaining("credentials are for the whole of quay.io")]);
    const both = await read('{"auth": {"q.io": {"username": "u"}},\n "images": {"q.io/a:1": ["b"]}}');
    expect(both).toMatchObject({
      images: [image("q.io/a:1", { tags: ["b:1"] })],
      registries: [{ host: "q.io", username: "u" }],
    });
  });

  it("takes hauler's images, and warns of documents of other kinds", async () => {
    const set = await read(`
apiVersion: content.hauler.cattle.io/v1
kind: Images
metadata: { name: x, annotations: { hauler.dev/platform: linux/amd64 } }
spec:
  images:
    - name: busybox:stable
    - { name: alpine, platform: linux/arm64, rewrite: /my/alpine:3, key: k.pub }
---
apiVersion: content.hauler.cattle.io/v1
kind: Charts
spec: {}
`);
    expect(set.images).toEqual([
      image("busybox:stable", { platform: "linux/amd64" }),
      image("alpine", { platform: "linux/arm64", tags: ["my/alpine:3"] }),
    ]);
    expect(set.warnings).toEqual([
      expect.stringContaining("-:8: spec.images[1].key is not used"),
      expect.stringContaining("-:11: kind is not Images"),
    ]);
  });
});

describe("readImageSet reads several files", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "laminate-sets-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  it("merges them, starting paths from the folder of each", async () => {
    await writeFile(join(folder, "list"), "./a.tar\noci:lay\n/abs.tar\n");
    await writeFile(join(folder, "auth.yaml"), "q.io: { username: u, password: p }\n");
    await writeFile(join(folder, "sync.yaml"), "q.io: { tls-verify: false, images: { a: ['1'] } }\n");
    const paths = ["list", "auth.yaml", "sync.yaml"].map((name) => join(folder, name));
    const set = await readImageSet(paths);
    expect(set.name).toBe(paths.join(", "));
    expect(set.images).toEqual(
      [`${folder}/a.tar`, `oci:${folder}/lay`, "/abs.tar", "q.io/a:1"].map((each) => image(each)),
    );
    expect(set.registries).toEqual([{ host: "q.io", username: "u", password: "p", verifyTls: false }]);
  });

  it("says which file is missing", async () => {
    await expect(readImageSet([join(folder, "none")])).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      message: expect.stringContaining(`cannot read set ${folder}/none`) as string,
    });
  });
});
