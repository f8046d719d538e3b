import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Containers } from "../../../driver/container/container.ts";
import { type ContainersOptions, openContainers } from "../../../driver/container/open-containers.ts";
import { StateDir } from "../../../driver/container/state-dir.ts";
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

  it("openContainers takes away what removes itself when its owner was killed after its end", async () => {
    await withContainers(async (containers, folder, options) => {
      const { id } = await containers.create({ image: "test", autoRemove: true });
      const kept = await containers.create({ image: "test" });
      options.database.write((sql) => sql.run("UPDATE containers SET status = 'exited', exit_code = 0"));
      const again = await openContainers(options);
      expect((await again.list()).map((container) => container.id)).toEqual([kept.id]);
      expect(existsSync(join(folder.path, "snapshots", id))).toBe(false);
      expect(existsSync(join(folder.path, "state/containers", id))).toBe(false);
    });
  });

  it("openContainers leaves alone what removes itself while its owner still does", async () => {
    await withContainers(async (containers, _folder, options) => {
      const { id } = await containers.create({ image: "test", autoRemove: true });
      options.database.write((sql) => sql.run("UPDATE containers SET status = 'exited', exit_code = 3"));
      using owner = new StateDir(options, id).tryLock();
      expect(owner).toBeDefined();
      const again = await openContainers(options);
      expect(await again.list()).toEqual([expect.objectContaining({ id, status: "exited", exitCode: 3 })]);
    });
  });

  it("openContainers finds the exit code that a killed owner did not come to record", async () => {
    await withContainers(async (containers, _folder, options) => {
      const { id } = await containers.create({ image: "test" });
      options.database.write((sql) => sql.run("UPDATE containers SET status = 'running', pid = 1"));
      const state = new StateDir(options, id);
      state.startExit();
      state.writeExit(7);
      expect(await (await openContainers(options)).get(id)).toMatchObject({ status: "exited", exitCode: 7 });
    });
  });

  it("openContainers takes away what was being made or removed, and directories that nobody knows", async () => {
    await withContainers(async (containers, folder, options) => {
      const kept = await containers.create({ image: "test" });
      for (const status of ["creating", "removing"]) {
        const { id } = await containers.create({ image: "test" });
        options.database.write((sql) => sql.run("UPDATE containers SET status = ? WHERE id = ?", status, id));
      }
      folder.write(`state/containers/${"a".repeat(64)}/lock`, "");
      folder.write(`containers/${"b".repeat(64)}/log`, "");
      const again = await openContainers(options);
      expect((await again.list()).map(({ id }) => id)).toEqual([kept.id]);
      for (const place of ["snapshots", "state/containers"]) {
        expect(readdirSync(join(folder.path, place))).toEqual([kept.id]);
      }
      expect(readdirSync(join(folder.path, "containers"))).toEqual([]);
    });
  });

  it("create that is to start at once is known to others only as such, and goes when its maker does", async () => {
    await withContainers(async (containers, _folder, options) => {
      const { id } = await containers.create({ image: "test", autoRemove: true, startsAtOnce: true });
      const other = await openContainers(options);
      expect((await other.list()).map((container) => [container.id, container.status])).toEqual([[id, "created"]]);
      await expect(other.remove(id)).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
      await containers.remove(id);
      expect(await other.list()).toEqual([]);
    });
  });

  it("rename takes free names only", async () => {
    await withContainers(async (containers) => {
      const { id } = await containers.create({ image: "test", name: "one" });
      await containers.create({ image: "test", name: "two" });
      await expect(containers.rename("one", "two")).rejects.toMatchObject({ code: "ERR_ALREADY_EXISTS" });
      await expect(containers.rename("one", "-")).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
      await containers.rename("one", "three");
      expect((await containers.get("three")).id).toBe(id);
    });
  });

  it("what needs a running container says so", async () => {
    await withContainers(async (containers) => {
      await containers.create({ image: "test", name: "idle" });
      const refused = { code: "ERR_FAILED_PRECONDITION" };
      await expect(containers.kill("idle")).rejects.toMatchObject(refused);
      await expect(containers.pause("idle")).rejects.toMatchObject(refused);
      await expect(containers.unpause("idle")).rejects.toMatchObject(refused);
      await expect(containers.exec("idle", { command: ["sh"] })).rejects.toMatchObject(refused);
      await expect(containers.processes("idle")).rejects.toMatchObject(refused);
      await containers.stop("idle");
      expect(await containers.wait("idle")).toBe(0);
      expect(await containers.pauseWhile("idle", () => Promise.resolve("done"))).toBe("done");
    });
  });

  it("create makes the image's volumes its own, but for those that something else is mounted on", async () => {
    await withContainers(
      async (containers) => {
        const bind = { type: "bind", source: "/", target: "/data/", readonly: false } as const;
        const { host } = await containers.create({ image: "test", host: { mounts: [bind], labels: { a: "mine" } } });
        expect(host.mounts).toEqual([
          { ...bind, target: "/data" },
          { type: "volume", target: "/var/lib" },
        ]);
        expect(host).toMatchObject({ labels: { a: "mine", b: "image" }, stopSignal: "SIGINT" });
        const twice = { image: "test", host: { mounts: [bind, bind] } };
        await expect(containers.create(twice)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
        const everything = { image: "test", host: { mounts: [{ ...bind, target: "/x/.." }] } };
        await expect(containers.create(everything)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
        await expect(containers.create({ image: "test", platform: "linux/s390x" })).rejects.toThrow("linux/amd64");
      },
      {
        images: fakeImages({
          Cmd: ["sh"],
          Volumes: { "/data": {}, "../var/lib/": {}, "/": {} },
          Labels: { a: "image", b: "image" },
          StopSignal: "2",
        }),
      },
    );
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
