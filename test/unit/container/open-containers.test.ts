import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Containers } from "../../../driver/container/container.ts";
import { type ContainersOptions, openContainers } from "../../../driver/container/open-containers.ts";
import { openDatabase } from "../../../driver/metadata/database.ts";
import type { Privileges } from "../../../driver/sys/privileges.ts";
import { digestOf, fakeImages, fakeSnapshotter } from "./fake-store.ts";
import { TestFolder } from "./fixtures.ts";

const ordinaryUser: Privileges = {
  uid: 1000,
  canChown: false,
  canMknod: false,
  canMount: false,
  overlayXattr: "user.overlay.",
};

async function withContainers(
  act: (containers: Containers, folder: TestFolder, options: ContainersOptions) => Promise<void>,
  change: Partial<ContainersOptions> = {},
): Promise<void> {
  using folder = new TestFolder();
  folder.write("files/bin/sh", "", 0o755);
  using database = openDatabase(join(folder.path, "db"), { durability: "none" });
  const options: ContainersOptions = {
    root: folder.path,
    state: join(folder.path, "state"),
    database,
    snapshotter: fakeSnapshotter(folder.path, join(folder.path, "files")),
    images: fakeImages({ Cmd: ["sh"] }),
    privileges: ordinaryUser,
    ...change,
  };
  await act(await openContainers(options), folder, options);
}

describe("Containers", () => {
  it("create records how the container runs, and get finds it by name, id and prefix", async () => {
    await withContainers(async (containers, folder) => {
      const made = await containers.create({ image: "test", name: "web", env: ["A=b"], autoRemove: true });
      expect(made).toMatchObject({
        name: "web",
        image: "test",
        imageId: digestOf("a"),
        manifestDigest: digestOf("b"),
        status: "created",
        exitCode: null,
        pid: null,
        autoRemove: true,
      });
      expect(made.id).toMatch(/^[0-9a-f]{64}$/);
      expect(made.process.env).toContain("A=b");
      for (const wanted of ["web", made.id, made.id.slice(0, 12)]) expect(await containers.get(wanted)).toEqual(made);
      expect(await containers.list()).toEqual([made]);
      expect(existsSync(join(folder.path, "snapshots", made.id, "bin/sh"))).toBe(true);
    });
  });

  it("create makes names up, each once", async () => {
    await withContainers(async (containers) => {
      const names: string[] = [];
      for (let count = 0; count < 10; count++) names.push((await containers.create({ image: "test" })).name);
      expect(new Set(names).size).toBe(10);
    });
  });

  it("create refuses a name that is taken, or none, and leaves nothing behind", async () => {
    await withContainers(async (containers) => {
      await containers.create({ image: "test", name: "web" });
      await expect(containers.create({ image: "test", name: "web" })).rejects.toMatchObject({
        code: "ERR_ALREADY_EXISTS",
      });
      await expect(containers.create({ image: "test", name: "-" })).rejects.toMatchObject({
        code: "ERR_INVALID_ARGUMENT",
      });
      await expect(containers.create({ image: "nope" })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
      expect(await containers.list()).toHaveLength(1);
    });
  });

  it("create refuses an image without layers in words that say so", async () => {
    await withContainers(
      async (containers) => {
        await expect(containers.create({ image: "test" })).rejects.toMatchObject({
          code: "ERR_FAILED_PRECONDITION",
          message: expect.stringContaining("no layers") as string,
        });
      },
      { images: fakeImages({ Cmd: ["sh"] }, { layers: 0 }) },
    );
  });

  it("create leaves no record when the snapshot cannot be made", async () => {
    const broken = {
      ...fakeSnapshotter("/nowhere", "/nowhere"),
      prepare: () => Promise.reject(new Error("disk full")),
    };
    await withContainers(
      async (containers) => {
        await expect(containers.create({ image: "test" })).rejects.toThrow("disk full");
        expect(await containers.list()).toEqual([]);
      },
      { snapshotter: broken },
    );
  });

  it("remove deletes snapshot, record and state, and tells who wants to know", async () => {
    const removed: string[] = [];
    await withContainers(
      async (containers, folder) => {
        const { id } = await containers.create({ image: "test", name: "web" });
        await containers.remove("web");
        expect(await containers.list()).toEqual([]);
        expect(existsSync(join(folder.path, "snapshots", id))).toBe(false);
        expect(existsSync(join(folder.path, "state/containers", id))).toBe(false);
        expect(removed).toEqual(["web"]);
        await expect(containers.remove("web")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
      },
      {
        onRemoved: ({ name }) => {
          removed.push(name);
          return Promise.resolve();
        },
      },
    );
  });

  it("mount gives an ordinary user the snapshot's own directory", async () => {
    await withContainers(async (containers, folder) => {
      const { id } = await containers.create({ image: "test" });
      expect(await containers.mount(id)).toBe(join(folder.path, "snapshots", id));
      await containers.unmount(id);
    });
  });

  it("run says 127 and 126, and the record keeps it", async () => {
    await withContainers(async (containers, folder) => {
      folder.write("files/bin/text", "", 0o644);
      for (const [name, exitCode] of [
        ["nope", 127],
        ["text", 126],
      ] as const) {
        const { id } = await containers.create({ image: "test", command: [name] });
        await expect(containers.run(id, { stdio: "inherit" })).rejects.toMatchObject({ details: { exitCode } });
        expect(await containers.get(id)).toMatchObject({ status: "exited", exitCode, pid: null });
      }
    });
  });

  it("run gives up before the start when it is canceled, and removes what removes itself", async () => {
    await withContainers(async (containers) => {
      const { id } = await containers.create({ image: "test", autoRemove: true });
      const signal = AbortSignal.abort();
      await expect(containers.run(id, { stdio: "inherit", signal })).rejects.toMatchObject({ code: "ERR_CANCELED" });
      expect(await containers.list()).toEqual([]);
    });
  });

  it("openContainers corrects what a killed process left as running", async () => {
    await withContainers(async (containers, _folder, options) => {
      const { id } = await containers.create({ image: "test", name: "left" });
      const gone = await containers.create({ image: "test", name: "gone", autoRemove: true });
      options.database.write((sql) => sql.run("UPDATE containers SET status = 'running', pid = 1"));
      const again = await openContainers(options);
      expect(await again.list()).toEqual([expect.objectContaining({ name: "left", status: "exited", exitCode: 255 })]);
      expect(await again.get(id)).toMatchObject({ status: "exited", pid: null });
      await expect(again.get(gone.id)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    });
  });

  it("get refuses a prefix of several ids", async () => {
    await withContainers(async (containers, _folder, options) => {
      const { id } = await containers.create({ image: "test" });
      const other = await containers.create({ image: "test" });
      const twin = id.slice(0, 63) + (id.endsWith("0") ? "1" : "0");
      options.database.write((sql) => sql.run("UPDATE containers SET id = ? WHERE id = ?", twin, other.id));
      await expect(containers.get(id.slice(0, 12))).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
      expect((await containers.get(id)).id).toBe(id);
    });
  });
});
