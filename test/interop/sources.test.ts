/** What skopeo and podman write is opened here, and what is stored here skopeo reads. Nothing goes over a network. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { openContentStore } from "../../driver/content/open-store.ts";
import { openImageSource } from "../../driver/image/sources/open-source.ts";
import { annotations } from "../../driver/oci/annotations.ts";
import { buildDockerArchive, buildImage, sha256, writeOciLayout } from "../fixtures/image-builder.ts";
import { bytesAt, tarA, tarB } from "../unit/image/source-fixtures.ts";

const dir = mkdtempSync(join(tmpdir(), "laminate-interop-"));
const spoolDir = join(dir, "spool");
const image = {
  layers: [{ tar: tarA }, { tar: tarB, compression: "none" as const }],
  names: ["12"],
  config: { Env: ["A=b"], Cmd: ["sh"] },
};
const diffIds = [sha256(tarA), sha256(tarB)];

/** True if the tool runs here; else says loudly that its tests are skipped. */
function has(tool: string): boolean {
  const found = spawnSync(tool, ["--version"]).status === 0;
  if (!found) process.stderr.write(`SKIPPED: ${tool} is not installed, its interop tests do not run\n`);
  return found;
}

function run(tool: string, ...args: readonly string[]): string {
  return execFileSync(tool, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Names, the layers' plain tars and digests as an image source finds them. */
async function opened(locator: string): Promise<{ names: readonly string[]; tars: Buffer[]; env: unknown }[]> {
  await using source = await openImageSource(locator, { spoolDir });
  return source.images.map(({ names, layers, config }) => {
    expect(layers.map((layer) => layer.diffId)).toEqual(diffIds);
    const tars = layers.map(({ file, descriptor }) => {
      const bytes = bytesAt(file);
      if (descriptor.digest !== null) expect(sha256(bytes)).toBe(descriptor.digest);
      return descriptor.mediaType.endsWith("gzip") ? gunzipSync(bytes) : bytes;
    });
    return { names, tars, env: config.parsed.config?.Env };
  });
}

await writeOciLayout(join(dir, "debian"), [image]);
const layout = `oci:${join(dir, "debian")}:12`;

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe.skipIf(!has("skopeo"))("skopeo", () => {
  test.each([
    ["docker-archive", "docker.io/library/demo:1", ["docker.io/library/demo:1"]],
    ["oci-archive", "docker.io/library/demo:1", ["docker.io/library/demo:1"]],
    ["oci-archive", "bare", []],
    ["oci", "12", ["docker.io/library/copied-oci:12"]],
  ])("writes a %s called %s that openImageSource opens", async (transport, name, names) => {
    const path = join(dir, `copied-${transport}`);
    rmSync(path, { recursive: true, force: true });
    run("skopeo", "copy", "--quiet", layout, `${transport}:${path}:${name}`);
    const expected = [{ names, tars: [tarA, tarB], env: ["A=b"] }];
    expect(await opened(path)).toEqual(expected);
    expect(await opened(`${transport}:${path}:${name}`)).toEqual(expected);
  });

  test("reads the content store as a layout, with the manifest made for a docker-archive", async () => {
    const archive = join(dir, "made.tar");
    writeFileSync(archive, await buildDockerArchive([{ ...image, names: ["demo:1"] }]));
    const root = join(dir, "store");
    const store = await openContentStore({ root, durability: "none" });
    await using source = await openImageSource(archive, { spoolDir });
    const [found] = source.images;
    const built = buildImage(image);
    const manifest = found?.manifestFor(built.layers.map((layer) => layer.descriptor));
    if (found === undefined || manifest === undefined) throw new TypeError("no image");
    for (const layer of built.layers) await store.writeBlob(layer.bytes, { expected: layer.descriptor });
    await store.writeBlob(found.config.bytes, { expected: found.config.descriptor });
    await store.writeBlob(manifest.bytes, { expected: manifest.descriptor });
    await store.writeIndex(() => [{ ...manifest.descriptor, annotations: { [annotations.refName]: "demo:1" } }]);

    const inspected = JSON.parse(run("skopeo", "inspect", `oci:${root}:demo:1`)) as Record<string, unknown>;
    expect(inspected).toMatchObject({
      Digest: manifest.descriptor.digest,
      Layers: built.layers.map((layer) => layer.descriptor.digest),
      Env: ["A=b"],
    });
    run("skopeo", "copy", "--quiet", `oci:${root}:demo:1`, `docker-archive:${join(dir, "back.tar")}:demo:2`);
    expect((await opened(join(dir, "back.tar"))).map(({ names }) => names)).toEqual([["docker.io/library/demo:2"]]);
  });
});

describe.skipIf(!has("podman"))("podman", () => {
  const storage = ["--root", join(dir, "podman"), "--runroot", join(dir, "podman-run"), "--storage-driver", "vfs"];
  const podman = (...args: readonly string[]): string => run("podman", ...storage, ...args);
  const works = spawnSync("podman", [...storage, "info"]).status === 0;
  if (!works) process.stderr.write("SKIPPED: podman does not run here, its interop tests do not either\n");

  test.skipIf(!works).each(["docker-archive", "oci-archive", "oci-dir"])(
    "saves a %s that openImageSource opens",
    async (format) => {
      const archive = join(dir, "to-podman.tar");
      writeFileSync(archive, await buildDockerArchive([{ ...image, names: ["docker.io/library/saved:1"] }]));
      podman("load", "--quiet", "-i", archive);
      const path = join(dir, `saved-${format}`);
      podman("save", "--quiet", "--format", format, "-o", path, "docker.io/library/saved:1");
      expect(await opened(path)).toEqual([{ names: ["docker.io/library/saved:1"], tars: [tarA, tarB], env: ["A=b"] }]);
    },
  );
});
