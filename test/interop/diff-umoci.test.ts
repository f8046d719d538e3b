/** Layers of random changes, unpacked by umoci: what it lays down is what the container showed. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { age, histories, layerAt, linesOf, pack, play, Scene } from "../privileged/diff-scene.ts";

const runs = Number(process.env["LAMINATE_DIFF_RUNS"] ?? "6");

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An OCI layout with one image of plain tars, lowest first, under the tag "t". */
function writeLayout(dir: string, tars: readonly Uint8Array[]): void {
  const blobs = join(dir, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const store = (mediaType: string, bytes: Uint8Array) => {
    const hex = sha256(bytes);
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const layers = tars.map((tar) => store("application/vnd.oci.image.layer.v1.tar", tar));
  const config = store(
    "application/vnd.oci.image.config.v1+json",
    json({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = store(mediaType, json({ schemaVersion: 2, mediaType, config, layers }));
  const annotations = { "org.opencontainers.image.ref.name": "t" };
  writeFileSync(join(dir, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(dir, "index.json"), json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
}

describe.skipIf(needAll(needRoot(), needPrograms("umoci")).missing)("umoci unpack", () => {
  it("shows what the container showed", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ([first = [], second = [], third = []]) => {
        using scene = new Scene();
        const base = scene.make("base");
        play(base, first);
        age(base);
        const upper = scene.make("upper");
        const merged = scene.overlay([base], upper);
        play(merged, second);
        play(merged, third);
        const expected = linesOf(merged);
        scene.unmount(merged);
        const lowest = await pack({ type: "trees", lowerDir: null, upperDir: base });
        const layer = await pack({ type: "overlay", upperDir: upper, lowers: [layerAt(base)] });
        const layout = join(scene.dir, "layout");
        writeLayout(layout, [lowest.tar, layer.tar]);
        const bundle = join(scene.dir, "bundle");
        execFileSync("umoci", ["unpack", "--image", `${layout}:t`, bundle], { stdio: "pipe" });
        expect(linesOf(join(bundle, "rootfs"))).toEqual(expected);
      }),
      { numRuns: runs },
    );
  });
});
