import { spawnSync } from "node:child_process";
import { chmod, lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type FixtureImage, sha256, writeOciLayout } from "../fixtures/image-builder.ts";
import { openTestStore } from "../fixtures/stores.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { javascriptOf } from "../javascript-driver.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";

const need = needAll(needRoot(), needPrograms("setpriv"));
const nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

function asNobody(...command: readonly string[]): number | null {
  return spawnSync("setpriv", [...nobody, ...command]).status;
}

describe.skipIf(need.missing)("a store of root's", () => {
  for (const backend of ["overlay", "copy"] as const) {
    it(`keeps a setuid program of a layer out of everyone's reach, whatever the umask (${backend})`, async () => {
      await using store = await openTestStore({ backend });
      await chmod(store.folder, 0o777);
      const layers = [{ tar: tar([{ path: "su", data: "#!/bin/sh\n", mode: 0o4777 }]) }];
      const layout = await writeOciLayout(join(store.folder, "l"), [{ names: ["docker.io/library/s:1"], layers }]);
      const main = javascriptOf("cli/main.ts");
      const loose = `umask 000; exec ${process.execPath} ${main} --backend ${backend} --root "$1" load -i "$2"`;
      const root = join(store.folder, "loose");
      expect(spawnSync("sh", ["-c", loose, "sh", root, layout])).toMatchObject({ status: 0 });

      const found = (await readdir(join(root, "snapshots"), { recursive: true })).filter((path) =>
        path.endsWith("/su"),
      );
      expect(found).toHaveLength(1);
      for (const path of found) expect(asNobody("test", "-e", join(root, "snapshots", path))).not.toBe(0);
      expect((await lstat(root)).mode & 0o777).toBe(0o700);
      await mkdir(join(store.folder, "open"));
      expect(asNobody("test", "-e", join(store.folder, "open"))).toBe(0);
    });
  }

  it("refuses a plain layer with bytes after its end that its diffID does not cover", async () => {
    await using store = await openTestStore();
    const layer = tar([{ path: "a", data: "a" }]);
    const image = (tag: string, bytes: Uint8Array, compression: "gzip" | "none"): FixtureImage => ({
      names: [`docker.io/library/x:${tag}`],
      layers: [{ tar: bytes, compression }],
      editConfig: (config) => {
        config["rootfs"] = { type: "layers", diff_ids: [sha256(layer)] };
      },
    });
    const longer = Buffer.concat([layer, Buffer.of(1)]);
    const good = await writeOciLayout(join(store.folder, "good"), [image("1", layer, "none")]);
    const bad = await writeOciLayout(join(store.folder, "bad"), [image("2", longer, "gzip")]);
    await expect(store.storage.load(bad)).rejects.toMatchObject({ code: "ERR_DATA_LOSS" });
    await store.storage.load(good);
  });
});
