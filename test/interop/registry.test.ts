/** What skopeo and podman push we pull, and what we push they pull: the same bytes both ways. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RegistryClient } from "../../driver/index.ts";
import { buildImage, writeOciLayout } from "../fixtures/image-builder.ts";
import { type RegistryFixture, startRegistry } from "../fixtures/registry.ts";
import { openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";

const fixture = {
  names: ["demo:1"],
  layers: [
    {
      tar: tar([
        { path: "etc/", type: "directory", mode: 0o755 },
        { path: "etc/release", data: "one" },
      ]),
    },
    { tar: tar([{ path: "etc/release", data: "two" }]) },
  ],
};
const options = { env: {}, hostsDirs: [] };

describe.skipIf(needAll(needRoot(), needPrograms("docker-registry", "skopeo", "podman")).missing)(
  "a registry between laminate, skopeo and podman",
  () => {
    let folder = "";
    let registry: RegistryFixture;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "laminate-interop-"));
      registry = await startRegistry({ folder });
    });

    afterAll(async () => {
      await registry[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    function run(program: string, ...words: readonly string[]): string {
      return execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    }

    /** With a store of its own. */
    function podman(...words: readonly string[]): string {
      const places = ["--root", join(folder, "podman"), "--runroot", join(folder, "podman-run")];
      return run("podman", ...places, "--storage-driver", "vfs", ...words);
    }

    it("images go through skopeo, laminate and podman, and come back with the digests they left with", async () => {
      const image = buildImage(fixture);
      const layout = await writeOciLayout(join(folder, "layout"), [fixture]);
      const at = (name: string): string => `docker://${registry.host}/${name}`;
      run("skopeo", "copy", "--dest-tls-verify=false", `oci:${layout}:demo:1`, at("skopeo:1"));

      await using store = await openTestStore();
      await using client = new RegistryClient(options);
      const { storage } = store;
      const pulled = await storage.pull(`${registry.host}/skopeo:1`, { client });
      expect(pulled).toMatchObject({ digest: image.descriptor.digest, id: image.configDigest });
      await storage.images.tag(`${registry.host}/skopeo:1`, `${registry.host}/ours:1`);
      await storage.push(`${registry.host}/ours:1`, { client });

      run("skopeo", "copy", "--src-tls-verify=false", at("ours:1"), `oci:${join(folder, "back")}:demo`);
      const blobs = await readdir(join(folder, "back/blobs/sha256"));
      const expected = [
        image.configDigest,
        image.descriptor.digest,
        ...image.layers.map(({ descriptor }) => descriptor.digest),
      ];
      expect(blobs.sort()).toEqual(expected.map((digest) => digest.slice("sha256:".length)).sort());
      for (const blob of blobs) {
        const bytes = await readFile(join(folder, "back/blobs/sha256", blob));
        expect(bytes).toEqual(await readFile(join(store.root, "blobs/sha256", blob)));
      }

      podman("pull", "-q", "--tls-verify=false", `${registry.host}/ours:1`);
      podman("push", "-q", "--tls-verify=false", `${registry.host}/ours:1`, `${registry.host}/podman:1`);
      const again = await storage.pull(`${registry.host}/podman:1`, { client });
      const mounted = await storage.mountImage(`${registry.host}/podman:1`);
      expect(await readFile(join(mounted, "etc/release"), "utf8")).toBe("two");
      await storage.unmountImage(`${registry.host}/podman:1`);
      expect(again.id).toBe(image.configDigest);
    });
  },
);
