/** Commands by an ordinary user: with one id, whose files stand for root's, and with subordinate ids for every owner. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { buildDockerArchive } from "../fixtures/image-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { makeRootfs } from "../privileged/container-rootfs.ts";

const nobody = 65_534;
const main = join(import.meta.dirname, "../../driver/cli/main.ts");
const need = needAll(needRoot(), needPrograms("setpriv", "unshare", "newuidmap"));

const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
/** In a mount namespace in which nobody has ids to give away. */
const withIds = 'mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && exec "$@"';
const namespace = ["unshare", "--user", "--map-root-user", "--map-auto", "--mount"];

describe.skipIf(need.missing)("an ordinary user", { timeout: 300_000 }, () => {
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "laminate-user-"));
    makeRootfs(join(folder, "files"));
    const options = ["-C", join(folder, "files"), "--numeric-owner", "--owner=0", "--group=0", "-c", "."];
    const tar = execFileSync("tar", options, { maxBuffer: 2 ** 28 });
    const config = { Cmd: ["sh"], Env: ["PATH=/bin"], User: "ann" };
    const image = await buildDockerArchive([{ names: ["docker.io/library/base:1"], layers: [{ tar }], config }]);
    writeFileSync(join(folder, "base.tar"), image);
    writeFileSync(join(folder, "ids"), `${nobody}:300000:65536\n`);
    chmodSync(folder, 0o755);
    chownSync(folder, nobody, nobody);
  });

  afterEach(() => {
    removeTree(folder);
  });

  function laminate(enter: readonly string[], ...words: readonly string[]) {
    const globals = ["--disable-warning=ExperimentalWarning", main, "--root", join(folder, "store")];
    const line = [...enter, process.execPath, ...globals, "--durability", "none", ...words];
    const { status, stdout, stderr } = spawnSync("env", line, { encoding: "utf8", cwd: "/" });
    return { status, stdout, stderr };
  }

  /** Owner and name of all that the newest layer of an image holds. */
  function entriesOf(layers: readonly { readonly Digest: string }[]): readonly string[] {
    const blob = readFileSync(join(folder, "store/blobs/sha256", layers.at(-1)?.Digest.slice(7) ?? ""));
    return listed(gunzipSync(blob));
  }

  function listed(tar: Buffer): readonly string[] {
    const listing = execFileSync("tar", ["-tv", "--numeric-owner"], { input: tar, encoding: "utf8" });
    return listing.split("\n").flatMap((line) => /^\S+ +(\S+) .* (\S+)$/.exec(line)?.slice(1).join(" ") ?? []);
  }

  const modes = [
    { ids: "one id", enter: asNobody, owner: "0/0", warning: /owners are not kept: this user has one id here/ },
    {
      ids: "subordinate ids",
      enter: ["unshare", "--mount", "sh", "-c", withIds, "IDS", ...asNobody, ...namespace],
      owner: "1000/1000",
      warning: /^$/,
    },
  ];

  it.each(modes)("loads, runs, commits and shows the history with $ids", ({ enter: given, owner, warning }) => {
    const enter = given.map((word) => (word === "IDS" ? join(folder, "ids") : word));
    const ok = (...words: readonly string[]): string => {
      const { status, stdout, stderr } = laminate(enter, ...words);
      expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: "" });
      return stdout;
    };
    const loaded = laminate(enter, "load", "-q", "-i", join(folder, "base.tar"));
    expect(loaded).toMatchObject({ status: 0, stderr: expect.stringMatching(warning) as string });
    const script = "id -u; mkdir /tmp/made; echo hello > /tmp/made/file";
    expect(ok("run", "--name", "work", "base:1", "sh", "-c", script)).toBe("1000\n");
    ok("commit", "-m", "By hand", "work", "made");
    expect(ok("history", "--format", "{{.Comment}}", "made")).toBe("By hand\n\n");
    expect(ok("run", "--rm", "made", "cat", "/tmp/made/file")).toBe("hello\n");
    const [{ Layers }] = JSON.parse(ok("image", "inspect", "made")) as [{ Layers: { Digest: string }[] }];
    expect(entriesOf(Layers)).toEqual(["0/0 tmp/", `${owner} tmp/made/`, `${owner} tmp/made/file`]);
    ok("export", "-o", join(folder, "exported.tar"), "work");
    const exported = listed(readFileSync(join(folder, "exported.tar"))).filter((line) => line.includes("tmp/"));
    expect(exported).toEqual(["0/0 tmp/", `${owner} tmp/made/`, `${owner} tmp/made/file`]);
    ok("rm", "work");
    ok("rmi", "made", "base:1");
  });
});
