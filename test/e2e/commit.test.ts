/** Images made by hand: containers changed, committed, run again, saved and loaded elsewhere. Both backends. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { buildOciArchive, type Json } from "../fixtures/image-builder.ts";
import { backends } from "../fixtures/stores.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { makeRootfs } from "../privileged/container-rootfs.ts";

const main = javascriptOf("cli/main.ts");
const digest = /^sha256:[0-9a-f]{64}\n$/;

let folder = "";
let archive = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "laminate-commit-"));
  const files = join(folder, "files");
  makeRootfs(files);
  for (const name of ["dev", "proc", "sys"]) mkdirSync(join(files, name));
  const tar = execFileSync("tar", ["-C", files, "--numeric-owner", "--owner=0", "--group=0", "-c", "."], {
    maxBuffer: 2 ** 28,
  });
  archive = join(folder, "base.tar");
  const editConfig = (config: Json): void => {
    config["odd"] = { big: "kept", list: [1, null] };
  };
  const config = { Cmd: ["sh"], Env: ["PATH=/bin"], Labels: { from: "base" } };
  writeFileSync(
    archive,
    await buildOciArchive([{ names: ["docker.io/library/base:1"], layers: [{ tar }], config, editConfig }]),
  );
});

afterAll(() => {
  removeTree(folder);
});

describe.each(backends)("commit on %s", { timeout: 300_000 }, (backend) => {
  const rootOf = (name: string): string => join(folder, backend, name);

  function laminate(
    words: readonly string[],
    { root = "root", env = {} }: { root?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    const options = ["--disable-warning=ExperimentalWarning", main, "--root", rootOf(root), "--durability", "none"];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...options, "--backend", backend, ...words], {
      encoding: "utf8",
      env: { ...process.env, ...env },
    });
    return { status, stdout, stderr };
  }

  function ok(words: readonly string[], options: Parameters<typeof laminate>[1] = {}): string {
    const { status, stdout, stderr } = laminate(words, options);
    expect({ words, status, stderr: status === 0 ? "" : stderr }).toEqual({ words, status: 0, stderr: "" });
    return stdout;
  }

  function configOf(image: string, root = "root"): Json {
    const [{ Id }] = JSON.parse(ok(["image", "inspect", image], { root })) as [{ Id: string }];
    return JSON.parse(readFileSync(join(rootOf(root), "blobs/sha256", Id.slice(7)), "utf8")) as Json;
  }

  it("keeps what a container changed, as a layer with its message, and runs it by the new command", () => {
    ok(["load", "-q", "-i", archive]);
    const script = "mkdir /opt; echo hello > /opt/greeting; echo new > /etc/group; touch -d @1000 /opt/old";
    ok(["run", "--name", "work", "-e", "MODE=fast", "base:1", "sh", "-c", script]);
    expect(ok(["diff", "work"])).toBe("C /etc\nC /etc/group\nA /opt\nA /opt/greeting\nA /opt/old\n");

    const iidfile = join(folder, `${backend}.iid`);
    const id = ok(
      ["container", "commit", "-m", "Add greeting", "-a", "Ada", "-c", "CMD cat /opt/greeting"].concat([
        "-c",
        "LABEL to=app",
        "--iidfile",
        iidfile,
        "work",
        "app",
      ]),
    );
    expect(id).toMatch(digest);
    expect(readFileSync(iidfile, "utf8")).toBe(id.trim());
    expect(ok(["run", "--rm", "app"])).toBe("hello\n");
    expect(ok(["run", "--rm", "app", "sh", "-c", "cat /etc/group; echo $MODE"])).toBe("new\nfast\n");

    const rows = JSON.parse(ok(["history", "--json", "app"])) as Json[];
    expect(rows).toMatchObject([
      { id: id.trim(), createdBy: `sh -c ${script}`, comment: "Add greeting" },
      { id: ok(["images", "-q", "--no-trunc", "base:1"]).trim(), createdBy: "layer 0" },
    ]);
    expect(rows[0]?.["sizeBytes"]).toBeGreaterThan(0);
    expect(configOf("app")).toMatchObject({
      odd: { big: "kept", list: [1, null] },
      author: "Ada",
      config: {
        Cmd: ["/bin/sh", "-c", "cat /opt/greeting"],
        Env: ["PATH=/bin", "MODE=fast"],
        Labels: { from: "base", to: "app" },
      },
    });
  });

  it("makes the same image of the same files at SOURCE_DATE_EPOCH", () => {
    const env = { SOURCE_DATE_EPOCH: "1700000000" };
    const first = ok(["commit", "-q", "work"], { env });
    expect(ok(["commit", "-q", "work"], { env })).toBe(first);
    expect(configOf(first.trim())["created"]).toBe("2023-11-14T22:13:20Z");
    expect(laminate(["commit", "work"], { env: { SOURCE_DATE_EPOCH: "soon" } }).stderr).toContain("SOURCE_DATE_EPOCH");
  });

  it("adds a line of history and no layer when nothing was changed", () => {
    ok(["run", "--name", "idle", "app", "sh", "-c", ":"]);
    expect(ok(["diff", "idle"])).toBe("");
    ok(["commit", "-m", "nothing", "idle", "same"]);
    expect(JSON.parse(ok(["history", "--json", "same"]))).toMatchObject([
      { comment: "nothing", sizeBytes: 0, layer: null },
      { comment: "Add greeting" },
      {},
    ]);
    expect(ok(["run", "--rm", "same", "cat", "/opt/greeting"])).toBe("hello\n");
  });

  it("saves what another store loads as the same image", () => {
    for (const format of ["docker-archive", "oci-archive", "oci-dir"]) {
      const output = join(folder, `${backend}-${format}`);
      ok(["save", "--format", format, "-o", output, "app", "same"]);
      ok(["load", "-q", "-i", output], { root: format });
      const idsOf = (root: string): string[] =>
        ["app", "same"].map((name) => ok(["images", "-q", "--no-trunc", name], { root }));
      expect(idsOf(format)).toEqual(idsOf("root"));
      // The base image is not there, so its row has no ID.
      expect(ok(["history", "-q", "app"], { root: format })).toMatch(/^[0-9a-f]{12}\n<missing>\n$/);
      expect(ok(["run", "--rm", "app"], { root: format })).toBe("hello\n");
    }
    expect(laminate(["save", "--format", "oci-dir", "-o", folder, "app"])).toMatchObject({ status: 1 });
    expect(laminate(["save", "-o", join(folder, "never"), "nope"])).toMatchObject({ status: 1 });
    expect(existsSync(join(folder, "never"))).toBe(false);
  });

  it("keeps an imported image's bytes", () => {
    const output = join(folder, `${backend}-base-again`);
    ok(["save", "--format", "oci-dir", "-o", output, "base:1"]);
    const [{ Id, Manifest, Layers }] = JSON.parse(ok(["image", "inspect", "base:1"])) as [
      { Id: string; Manifest: { Digest: string }; Layers: { Digest: string }[] },
    ];
    const original = join(folder, "unpacked");
    execFileSync("mkdir", ["-p", original]);
    execFileSync("tar", ["-C", original, "-xf", archive]);
    for (const blob of [Id, Manifest.Digest, ...Layers.map((layer) => layer.Digest)]) {
      const path = join("blobs/sha256", blob.slice(7));
      expect(readFileSync(join(output, path)).equals(readFileSync(join(original, path)))).toBe(true);
    }
  });

  it("prunes images without a name, and with --all those that no container uses", () => {
    const unnamed = ok(["commit", "-c", "CMD other", "work"]).trim();
    expect(laminate(["image", "prune"])).toMatchObject({ status: 1, stdout: "" });
    const pruned = ok(["image", "prune", "--force"]);
    expect(pruned).toContain(`deleted: ${unnamed}\n`);
    expect(pruned).toMatch(/^Deleted Images:\n[^]*\n\nTotal reclaimed space: [0-9.]+k?B\n$/);
    expect(ok(["image", "prune", "-f"])).toBe("Total reclaimed space: 0B\n");
    expect(ok(["image", "prune", "-af"])).toContain("untagged: same:latest\n");
    expect(ok(["images", "--format", "{{.Repository}}"]).trim().split("\n").sort()).toEqual(["app", "base"]);
  });

  it("changes nothing when a change is none or the container is not there", () => {
    const before = ok(["images", "-q"]);
    expect(laminate(["commit", "-c", "RUN ls", "work", "bad"])).toMatchObject({
      status: 1,
      stdout: "",
      stderr: "laminate: cannot change image: RUN is not a valid change command\n",
    });
    expect(laminate(["commit", "work", "Bad Name"]).status).toBe(1);
    expect(laminate(["commit", "nobody"]).stderr).toContain("cannot find container nobody");
    expect(ok(["images", "-q"])).toBe(before);
  });
});
