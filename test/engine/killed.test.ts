/** containerd that unpacks and makes layers with laminate's differ, and goes on while `laminate serve` is killed. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildOciArchive } from "../fixtures/image-builder.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { dir, file, symlink } from "../suites/shown.ts";
import { EngineStore } from "./engine-store.ts";

const need = needAll(needRoot(), needPrograms("mmdebstrap", "runc", "busybox"));
const base = "docker.io/library/base:1";
const image = "docker.io/library/demo:1";
/** runc knows containers of all containerds. */
const stays = `stays-${process.pid}`;
const ofLaminate = ["--snapshotter", "laminate"];
/** Directories of the upper layer: enough that there is a middle. */
const many = 2000;

describe.skipIf(need.missing)("containerd 1.7 with laminate's differ", { timeout: 600_000 }, () => {
  let store: EngineStore;
  const ctr = (...words: readonly string[]): string => store.containerd.ctr(...words);
  const pathOf = (name: string): string => join(store.folder, name);
  const load = (archive: string): string => ctr("images", "import", ...ofLaminate, pathOf(archive));
  const run = (id: string): string =>
    ctr("run", "--rm", ...ofLaminate, image, `${id}-${process.pid}`, "/bin/cat", "/d1999/f");
  const inStays = (): string => ctr("tasks", "exec", "--exec-id", `e${execs++}`, stays, "/bin/cat", "/etc/said");
  let execs = 0;

  beforeAll(async () => {
    store = await EngineStore.start("containerd-1.7");
    const busybox = readFileSync("/usr/bin/busybox");
    const links = ["cat", "sleep", "touch"].map((name) => symlink(`bin/${name}`, "busybox"));
    const lower = tar([
      ...[dir("bin"), file("bin/busybox", busybox, { mode: 0o755 }), ...links],
      ...[dir("etc"), file("etc/said", "hello"), dir("proc"), dir("dev"), dir("sys")],
    ]);
    const upper = tar([
      ...Array.from({ length: many - 1 }, (_, at) => file(`d${at}/f`, randomBytes(4000))),
      file(`d${many - 1}/f`, "the last"),
    ]);
    const layers = [{ tar: lower }, { tar: upper, compression: "gzip" as const }];
    writeFileSync(pathOf("base.tar"), await buildOciArchive([{ names: [base], layers: layers.slice(0, 1) }]));
    writeFileSync(pathOf("image.tar"), await buildOciArchive([{ names: [image], layers }]));
    load("base.tar");
    ctr("run", "--detach", ...ofLaminate, base, stays, "/bin/sleep", "86400");
  }, 900_000);
  afterAll(async () => {
    if (ctr("tasks", "ls", "-q").includes(stays)) ctr("tasks", "rm", "--force", stays);
    await store[Symbol.asyncDispose]();
  });

  /** Kills the daemon as soon as `reached` says so while ctr works; returns what ctr said. */
  const killDuring = async (words: readonly string[], reached: () => boolean): Promise<string> => {
    const child = spawn("ctr", ["--address", store.containerd.address, "--namespace", "test", ...words], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const exited = once(child, "exit");
    const said = text(child.stderr);
    let isReached = false;
    while (child.exitCode === null && !(isReached = reached())) await new Promise(setImmediate);
    expect(isReached).toBe(true);
    await store.daemon.end("SIGKILL");
    await exited;
    return await said;
  };
  /** Until containerd has noticed that the daemon is back, which takes it some seconds. */
  const retried = (action: () => string): Promise<string> => {
    let last: unknown;
    return expect
      .poll(
        () => {
          try {
            return action();
          } catch (error) {
            last = error;
            return undefined;
          }
        },
        { timeout: 120_000, interval: 500 },
      )
      .toBeDefined()
      .then(
        () => "",
        () => Promise.reject(last as Error),
      );
  };
  const agree = async (): Promise<void> => {
    ctr("content", "prune", "references");
    await expect.poll(() => store.staging(), { timeout: 60_000 }).toEqual([]);
    const ours = await store.snapshots();
    expect(store.known("test")).toEqual(ours);
    expect(store.directories()).toHaveLength(ours.length);
  };
  const countBelow = (place: string): number =>
    readdirSync(pathOf(`root/${place}`)).reduce((most, name) => {
      try {
        return Math.max(most, readdirSync(pathOf(`root/${place}/${name}/fs`)).length);
      } catch {
        return most;
      }
    }, 0);

  it("applies layers with it", async () => {
    load("image.tar");
    expect(run("first")).toBe("the last");
    // One for the base, which has the lower layer, and one for the upper.
    const applies = (): number => store.daemon.log.filter(({ call }) => /^diff\.apply$/i.test(String(call))).length;
    await expect.poll(applies, { timeout: 60_000 }).toBe(2);
    ctr("images", "rm", "--sync", image);
    await agree();
  });

  const before = { directories: 0 };
  it.each<readonly [string, () => boolean]>([
    ["Prepare", () => store.directories().length > before.directories],
    ["Apply as it begins", () => countBelow("staging") >= 1],
    ["Apply in its middle", () => countBelow("staging") >= many / 2],
    ["Apply as it ends", () => countBelow("staging") >= many - 1],
    ["Commit", () => countBelow("snapshots") >= many],
  ])("imports an image after a kill during %s", async (_, reached) => {
    before.directories = store.directories().length;
    await killDuring(["images", "import", ...ofLaminate, pathOf("image.tar")], reached);
    expect(inStays()).toBe("hello");
    await store.startDaemon();
    await retried(() => load("image.tar"));
    expect(run("again")).toBe("the last");
    await agree();
    expect(inStays()).toBe("hello");
    ctr("images", "rm", "--sync", image);
    await agree();
    expect(store.directories()).toHaveLength(before.directories);
  });

  it.each<readonly [string, () => boolean]>([
    ["as it begins", () => store.directories().length < before.directories],
    ["in its middle", () => store.staging().length > 0],
  ])("removes an image after a kill during Remove %s", async (_, reached) => {
    load("image.tar");
    before.directories = store.directories().length;
    await killDuring(["images", "rm", "--sync", image], reached);
    expect(inStays()).toBe("hello");
    await store.startDaemon();
    await retried(() => ctr("content", "prune", "references"));
    await agree();
    expect(store.directories()).toHaveLength(before.directories - 1);
    await retried(() => load("image.tar"));
    expect(run("after")).toBe("the last");
    ctr("images", "rm", "--sync", image);
    await agree();
  });

  it("leaves the running container its layers until it is gone, and then nothing", async () => {
    expect(inStays()).toBe("hello");
    ctr("tasks", "kill", "--signal", "SIGKILL", stays);
    await retried(() => ctr("tasks", "rm", "--force", stays));
    ctr("containers", "rm", stays);
    ctr("images", "rm", "--sync", base);
    await agree();
    expect(store.directories()).toEqual([]);
    expect(store.mountPoints().filter((path) => path.startsWith(pathOf("root")))).toEqual([]);
  });
});
