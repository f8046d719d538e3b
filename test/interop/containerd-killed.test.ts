/**
 * A real containerd whose daemon is killed before calls of our choice, in the middle of what containerd asks of it:
 * between any two changes that it makes to files or database. `LAMINATE_TEST_ROUNDS` is how many of these calls there
 * are for each of Prepare, Apply, Commit and Remove: 1 by default, in the middle; 1000 are all of them.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Channel } from "../../driver/plugin/channel.ts";
import { Diff } from "../../driver/plugin/gen/containerd/services/diff/v1/diff_pb.ts";
import { SnapshotsClient } from "../../driver/plugin/snapshots-client.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { type CallOrder, CallOrders } from "../fixtures/call-orders.ts";
import { Containerd } from "../fixtures/containerd.ts";
import { Daemon } from "../fixtures/daemon.ts";
import { buildImage, buildOciArchive } from "../fixtures/image-builder.ts";
import { tar } from "../fixtures/tar-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { dir, file, symlink, whiteout } from "../suites/shown.ts";

const need = needAll(needRoot(), needPrograms("containerd", "ctr", "runc", "busybox"));
const rounds = Number(process.env["LAMINATE_TEST_ROUNDS"] ?? 1);
const headers = { "containerd-namespace": "test" };
const ofLaminate = ["--snapshotter", "laminate"];
const base = "docker.io/library/base:1";
/** runc knows containers of all containerds. */
const stays = `stays-${process.pid}-${Date.now()}`;
const kept = { labels: { "containerd.io/gc.root": "yes" } };
const upper = {
  names: ["docker.io/library/upper:1"],
  layers: [
    {
      tar: tar([dir("etc"), whiteout("etc/said"), ...Array.from({ length: 12 }, (_, at) => file(`d${at}/f`, `${at}`))]),
    },
  ],
};

describe.skipIf(need.missing)("containerd on a laminate that is killed", { timeout: 1_800_000 }, () => {
  let folder: string;
  let scope: AsyncDisposableStack;
  let orders: CallOrders;
  let daemon: Daemon;
  let containerd: Containerd;
  /** As containerd's clients see it; and as containerd does. */
  let client: SnapshotsClient;
  let own: SnapshotsClient;
  let diff: Channel;
  /** Name of the running container's image, as a parent. */
  let parent: string;
  let keys = 0;
  let execs = 0;

  const startDaemon = (): Promise<Daemon> => {
    const { env, nodeOptions } = orders;
    return Daemon.start(folder, { env, nodeOptions, words: ["--containerd", join(folder, "containerd/socket")] });
  };
  const namesOf = async (snapshots: SnapshotsClient): Promise<readonly string[]> => {
    const names: string[] = [];
    for await (const { name } of snapshots.walk()) names.push(name.replace(/^test\/[0-9]+\//, ""));
    return names.sort();
  };
  const namesIn = (place: string): readonly string[] =>
    readdirSync(join(folder, "root", place)).filter((name) => name !== "lock" && name !== "format");
  const directories = (): readonly string[] => namesIn("snapshots").filter((name) => /^[0-9]+$/.test(name));
  const collect = (): void => {
    containerd.ctr("leases", "create", "--id", "collect");
    containerd.ctr("leases", "delete", "--sync", "collect");
  };
  const agree = async (): Promise<void> => {
    // containerd tries again to reach the daemon after some seconds.
    const isBack = () =>
      client.stat(parent).then(
        () => true,
        () => false,
      );
    await expect.poll(isBack, { timeout: 120_000 }).toBe(true);
    // It only looks after a snapshotter of which something was removed since it last tried.
    await client.view("removed", "", kept);
    await client.remove("removed");
    collect();
    await expect.poll(() => namesIn("staging"), { timeout: 60_000 }).toEqual([]);
    const ours = await namesOf(own);
    expect(await namesOf(client)).toEqual(ours);
    expect(directories()).toHaveLength(ours.length);
    // Nothing is missing and nothing could not be deleted; calls that are refused are logged too.
    expect(daemon.log.filter(({ level, call }) => level !== "info" && call === undefined)).toEqual([]);
  };
  const inStays = (): string =>
    containerd.ctr("tasks", "exec", "--exec-id", `e${execs++}`, stays, "/bin/cat", "/etc/said");

  const prepare = async (key: string): Promise<void> => {
    const [mount] = await client.prepare(key, parent, kept);
    const tree = /upperdir=([^,]+)/.exec(mount?.options.join() ?? "")?.[1] ?? "";
    for (const name of ["a", "b", "c"]) mkdirSync(join(tree, name, "deeper"), { recursive: true });
    writeFileSync(join(tree, "a/file"), "text");
  };
  const apply = async (key: string): Promise<void> => {
    const { descriptor, diffId } = buildImage(upper).layers[0] ?? {};
    if (descriptor === undefined) throw new TypeError("no layer");
    const request = { diff: { ...descriptor, size: BigInt(descriptor.size) } };
    const mounts = [...(await client.mounts(key))] as never;
    expect((await diff.unary(Diff.method.apply, { ...request, mounts })).applied?.digest).toBe(diffId);
  };
  /** What is asked of the daemon for `key`: what comes before, the call, and what is there when it has worked. */
  const calls = {
    Prepare: {
      before: () => Promise.resolve(),
      call: (key: string): Promise<unknown> => client.prepare(key, parent, kept),
      made: (key: string): string[] => [key],
    },
    Apply: {
      before: (key: string): Promise<unknown> => client.prepare(key, parent, kept),
      call: apply,
      made: (key: string): string[] => [key],
    },
    Commit: {
      before: prepare,
      call: (key: string): Promise<unknown> => client.commit(`${key}-committed`, key, kept),
      made: (key: string): string[] => [`${key}-committed`],
    },
    Remove: {
      before: prepare,
      call: async (key: string): Promise<unknown> => {
        await client.remove(key);
        collect();
        return undefined;
      },
      made: (): string[] => [],
    },
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    await using building = new AsyncDisposableStack();
    building.defer(() => {
      removeTree(folder);
    });
    const address = join(folder, "laminate.sock");
    const config = `[proxy_plugins.laminate]\n  type = "snapshot"\n  address = "${address}"\n`;
    orders = new CallOrders(join(folder, "calls"));
    // First, as containerd would try again only after a while.
    daemon = await startDaemon();
    building.defer(() => daemon[Symbol.asyncDispose]());
    containerd = building.use(await Containerd.start(join(folder, "containerd"), config));
    client = building.use(new SnapshotsClient(containerd.address, { headers }));
    own = building.use(new SnapshotsClient(address));
    diff = building.use(new Channel(address, { headers }));
    const busybox = file("bin/busybox", readFileSync("/usr/bin/busybox"), { mode: 0o755 });
    const links = ["cat", "sleep"].map((name) => symlink(`bin/${name}`, "busybox"));
    const places = ["bin", "etc", "proc", "dev", "sys"].map((name) => dir(name));
    const lower = {
      names: [base],
      layers: [{ tar: tar([...places, busybox, ...links]) }, { tar: tar([file("etc/said", "hello\n")]) }],
    };
    for (const image of [lower, upper]) {
      const archive = join(folder, "image.tar");
      writeFileSync(archive, await buildOciArchive([image]));
      const words = image === lower ? ofLaminate : ["--no-unpack"];
      containerd.ctr("images", "import", ...words, archive);
    }
    containerd.ctr("run", "--detach", ...ofLaminate, base, stays, "/bin/sleep", "86400");
    building.defer(() => {
      containerd.ctr("tasks", "rm", "--force", stays);
    });
    parent = (await client.stat(stays)).parent;
    scope = building.move();
  });
  afterAll(async () => {
    await scope.disposeAsync();
  });

  it.each(["Prepare", "Apply", "Commit", "Remove"] as const)("agrees with it after kills during %s", async (name) => {
    const { before, call, made } = calls[name];
    const untouched = await namesOf(client);
    const attempt = async (order: CallOrder | undefined): Promise<string> => {
      const key = `key-${keys++}`;
      await before(key);
      if (order !== undefined) orders.give(order);
      const ended = call(key).catch((error: unknown) => {
        if (order?.action !== "kill") throw error;
      });
      let hasEnded = false;
      void ended.catch(() => undefined).then(() => (hasEnded = true));
      const isDone = () => orders.isReached || (hasEnded && namesIn("staging").length === 0);
      await expect.poll(isDone, { timeout: 120_000, interval: 5 }).toBe(true);
      if (order?.action === "kill") await daemon.end("SIGKILL");
      await ended;
      return key;
    };
    const remove = async (key: string): Promise<void> => {
      for (const one of [`${key}-committed`, key]) {
        await client.remove(one).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "ERR_NOT_FOUND" });
        });
      }
    };
    const forget = async (key: string): Promise<void> => {
      await remove(key);
      await agree();
      expect(await namesOf(client)).toEqual(untouched);
    };

    const logged = await attempt({ action: "log" });
    orders.takeBack();
    expect(await namesOf(client)).toEqual([...untouched, ...made(logged)].sort());
    await forget(logged);
    const points = (["main", "other"] as const).flatMap((thread) =>
      orders
        .calls()
        .filter((line) => line.startsWith(thread))
        .map((_, at): CallOrder => ({ thread, action: "kill", at })),
    );
    const count = Math.min(rounds, points.length);
    let reached = 0;
    for (let round = 0; round < count; round++) {
      const order = points[Math.floor(((round + 0.5) * points.length) / count)];
      const key = await attempt(order);
      reached += Number(orders.isReached);
      orders.takeBack();
      expect(inStays()).toBe("hello\n");
      daemon = await startDaemon();
      await agree();
      await remove(key);
      const again = await attempt(undefined);
      expect(await namesOf(client)).toEqual([...untouched, ...made(again)].sort());
      await forget(again);
    }
    expect(inStays()).toBe("hello\n");
    expect(reached).toBeGreaterThan(0);
  });
});
