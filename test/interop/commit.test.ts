/** Committed images in other people's hands: skopeo reads the store itself, podman loads what was saved. */
import { execFileSync, spawnSync } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStorage, type Storage } from "../../driver/index.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { buildOciArchive } from "../fixtures/image-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { makeRootfs } from "../privileged/container-rootfs.ts";

const need = needAll(needRoot(), needPrograms("skopeo", "podman"));

interface HistoryLine {
  readonly created_by?: string;
  readonly comment?: string;
}

describe.skipIf(need.missing)("a committed image", { timeout: 300_000 }, () => {
  let folder: string;
  let storage: Storage;
  let id: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "laminate-interop-"));
    const files = join(folder, "files");
    makeRootfs(files);
    for (const name of ["dev", "proc", "sys"]) mkdirSync(join(files, name));
    const tar = execFileSync("tar", ["-C", files, "--numeric-owner", "--owner=0", "--group=0", "-c", "."], {
      maxBuffer: 2 ** 28,
    });
    const base = join(folder, "base.tar");
    const names = ["docker.io/library/base:1"];
    writeFileSync(base, await buildOciArchive([{ names, layers: [{ tar }], config: { Env: ["PATH=/bin"] } }]));
    storage = await createStorage({ root: join(folder, "root"), state: join(folder, "state"), durability: "none" });
    await storage.load(base);
    const command = ["sh", "-c", "echo greetings > /greeting; mkdir /opt; echo x > /etc/group"];
    const container = await storage.containers.create({ image: "base:1", command });
    await storage.containers.run(container.id, { stdio: "inherit" });
    const committed = await storage.commit(container.id, {
      reference: "docker.io/library/made:1",
      message: "Add a greeting",
      changes: ["CMD cat /greeting", "LABEL by=hand"],
    });
    id = committed.id;
  });

  afterAll(async () => {
    await storage[Symbol.asyncDispose]();
    spawnSync("podman", [...podmanPlaces(), "rmi", "-a", "-f"]);
    removeTree(folder);
  });

  function podmanPlaces(): readonly string[] {
    return ["--root", join(folder, "podman"), "--runroot", join(folder, "podman-run"), "--cgroup-manager", "cgroupfs"];
  }

  function podman(...words: readonly string[]): string {
    return execFileSync("podman", [...podmanPlaces(), ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  it("is read by skopeo from the store itself", () => {
    const source = `oci:${storage.root}:made:1`;
    const config = JSON.parse(execFileSync("skopeo", ["inspect", "--config", source], { encoding: "utf8" })) as {
      history: readonly HistoryLine[];
      config: { Cmd: readonly string[]; Labels: unknown };
    };
    expect(config.config).toMatchObject({ Cmd: ["/bin/sh", "-c", "cat /greeting"], Labels: { by: "hand" } });
    expect(config.history.map(({ comment }) => comment)).toEqual([undefined, "Add a greeting"]);
    const copy = join(folder, "copy");
    execFileSync("skopeo", ["copy", "--quiet", source, `oci:${copy}:made`]);
  });

  it.each(["docker-archive", "oci-archive"] as const)(
    "keeps its ID, history and files in podman by %s",
    async (format) => {
      const archive = join(folder, `made.${format}`);
      await storage.save(["made:1"], createWriteStream(archive), { format });
      podman("load", "-q", "-i", archive);
      const [image] = JSON.parse(podman("image", "inspect", id)) as [{ Id: string; Config: unknown }];
      expect(`sha256:${image.Id}`).toBe(id);
      const history = JSON.parse(podman("history", "--format", "json", id)) as (HistoryLine & { CreatedBy: string })[];
      const ours = await storage.images.history("made:1");
      expect(history.map((line) => line.comment ?? "")).toEqual(ours.map((row) => row.comment));
      const mounted = podman("image", "mount", id).trim();
      const shown = execFileSync("cat", [join(mounted, "greeting"), join(mounted, "etc/group")], { encoding: "utf8" });
      expect(shown).toBe("greetings\nx\n");
      podman("image", "unmount", id);
      podman("rmi", "-f", id);
    },
  );
});
