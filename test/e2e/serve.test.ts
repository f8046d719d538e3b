/** `laminate serve` as a daemon: its socket, its signals, its crowds and its crashes. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Channel } from "../../driver/plugin/channel.ts";
import { Health } from "../../driver/plugin/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../driver/plugin/gen/grpc/reflection/v1/reflection_pb.ts";
import { SnapshotsClient } from "../../driver/plugin/snapshots-client.ts";
import { removeTree } from "../../driver/sys/remove-tree.ts";
import { CallOrders } from "../fixtures/call-orders.ts";
import { Daemon } from "../fixtures/daemon.ts";

describe("laminate serve", () => {
  let folder: string;
  let socket: string;
  let daemon: Daemon;
  let client: SnapshotsClient;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "serve-"));
    socket = join(folder, "laminate.sock");
    daemon = await Daemon.start(folder);
    client = new SnapshotsClient(socket);
  });
  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    removeTree(folder);
  });

  const names = async (): Promise<readonly string[]> => {
    const all: string[] = [];
    for await (const { name } of client.walk()) all.push(name);
    return all.sort();
  };
  const directories = (): readonly string[] =>
    readdirSync(join(folder, "root/snapshots")).filter((name) => /^[0-9]+$/.test(name));
  const staged = (): readonly string[] => readdirSync(join(folder, "root/staging")).filter((name) => name !== "lock");

  it("serves its owner only, says what it serves, and ends when asked", async () => {
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    using channel = new Channel(socket);
    expect((await channel.unary(Health.method.check, { service: "" })).status).toBe(1);
    await using reflection = channel.duplex(ServerReflection.method.serverReflectionInfo);
    await reflection.write({ messageRequest: { case: "listServices", value: "" } });
    const listed = (await reflection.read())?.messageResponse;
    expect(listed?.case === "listServicesResponse" && listed.value.service.map(({ name }) => name)).toContain(
      "containerd.services.snapshots.v1.Snapshots",
    );
    await reflection.write({
      messageRequest: { case: "fileContainingSymbol", value: "containerd.services.snapshots.v1.Snapshots.Prepare" },
    });
    const described = (await reflection.read())?.messageResponse;
    expect(described?.case === "fileDescriptorResponse" && described.value.fileDescriptorProto).toHaveLength(5);
    reflection.end();
    expect(await reflection.read()).toBeUndefined();

    expect(await daemon.end("SIGTERM")).toBe(0);
    expect(existsSync(socket)).toBe(false);
    await expect(client.stat("x")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
  });

  it("takes over what a killed one has left, and nothing from a living one", async () => {
    await client.prepare("kept", "");
    await expect(Daemon.start(folder)).rejects.toThrow(/another process serves there/);
    expect(await names()).toEqual(["kept"]);

    await daemon.end("SIGKILL");
    expect(existsSync(socket)).toBe(true);
    daemon = await Daemon.start(folder);
    await expect.poll(() => names().catch(() => []), { timeout: 30_000 }).toEqual(["kept"]);

    await daemon.end();
    writeFileSync(socket, "not a socket");
    await expect(Daemon.start(folder)).rejects.toThrow(/something else than a socket is there/);
  });

  it("serves 64 clients at once on shared parents, and leaves what they have left", async () => {
    await client.prepare("base-active", "");
    await client.commit("base", "base-active");
    const one = async (index: number): Promise<void> => {
      await using own = new SnapshotsClient(socket);
      const shared = `shared-${index % 8}`;
      await own.prepare(`work-${index}`, "base");
      // Eight at a time want the same name: one gets it, the others give up theirs.
      await own.commit(shared, `work-${index}`).catch(async (error: unknown) => {
        expect(error).toMatchObject({ code: "ERR_ALREADY_EXISTS" });
        await own.remove(`work-${index}`);
      });
      await own.prepare(`on-${index}`, shared);
      await expect(own.remove(shared)).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
      expect((await own.stat(`on-${index}`)).parent).toBe(shared);
      await own.remove(`on-${index}`);
    };
    await Promise.all(Array.from({ length: 64 }, (_, index) => one(index)));
    expect(await names()).toEqual(["base", ...Array.from({ length: 8 }, (_, index) => `shared-${index}`)]);
    await expect.poll(staged, { timeout: 30_000 }).toEqual([]);
    expect(directories()).toHaveLength(9);
  });

  it("goes on when clients go away, and refuses what is too large or no name", async () => {
    for (let count = 0; count < 250; count++) await client.view(`view-${count}`, "");
    for (let count = 0; count < 5; count++) {
      await using hasty = new SnapshotsClient(socket);
      for await (const _ of hasty.walk()) break;
    }
    const huge = "x".repeat(17 * 1024 * 1024);
    await expect(client.stat(huge)).rejects.toMatchObject({ code: "ERR_RESOURCE_EXHAUSTED" });
    await expect(client.prepare("", "")).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });

    const hostile = ["../../etc", "a/b c\n\0d", "__proto__", "ü".repeat(500)];
    const labels = { __proto__x: "1", "containerd.io/snapshot/long": "y".repeat(4000) };
    for (const key of hostile) {
      await client.prepare(key, "", { labels });
      expect(await client.stat(key)).toMatchObject({ name: key, labels });
    }
    expect(await names()).toHaveLength(254);
    expect(directories()).toHaveLength(254);
  });

  describe("while a thread is held up", () => {
    let orders: CallOrders;
    beforeEach(async () => {
      await daemon.end();
      orders = new CallOrders(join(folder, "calls"));
      daemon = await Daemon.start(folder, orders);
      await client.prepare("big", "");
      const [mount] = await client.mounts("big");
      for (let count = 0; count < 200; count++) {
        const dir = join(mount?.source ?? "", `d${count % 20}`);
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, String(count)), "");
      }
    });
    const reached = () => expect.poll(() => orders.isReached, { timeout: 60_000 }).toBe(true);

    it("answers others before it has measured what is committed", async () => {
      orders.give({ thread: "other", action: "wait", calls: ["openat"] });
      let committed = false;
      const committing = client.commit("layer", "big").then(() => (committed = true));
      await reached();
      expect((await client.stat("big")).kind).toBe("active");
      await client.prepare("other", "");
      expect(await names()).toEqual(["big", "other"]);
      expect(committed).toBe(false);
      orders.takeBack();
      await committing;
      expect((await client.usage("layer")).inodes).toBe(221);
    });

    it.each<[NodeJS.Signals, number | null]>([
      ["SIGTERM", 0],
      ["SIGKILL", null],
    ])(
      "answers a removal before it deletes, ends by %s, and is ready again before it goes on",
      async (signal, code) => {
        orders.give({ thread: "other", action: "wait", calls: ["unlinkat"] });
        await client.remove("big");
        await reached();
        expect(await names()).toEqual([]);
        expect(directories()).toEqual([]);
        expect(staged()).toHaveLength(1);
        expect(await daemon.end(signal)).toBe(code);
        expect(staged()).toHaveLength(1);

        orders.give({ thread: "other", action: "wait", calls: ["unlinkat"] });
        daemon = await Daemon.start(folder, orders);
        await reached();
        await expect.poll(() => names().catch(() => undefined), { timeout: 60_000 }).toEqual([]);
        expect(staged()).toHaveLength(1);
        orders.takeBack();
        await expect.poll(staged, { timeout: 60_000 }).toEqual([]);
      },
    );
  });

  it("is whole again after it was killed in the middle of calls", { timeout: 180_000 }, async () => {
    let rounds = 0;
    for (const kills of [3, 20]) {
      let calls = 0;
      const reached = Promise.withResolvers<undefined>();
      const counted = async (call: Promise<unknown>): Promise<void> => {
        await call;
        if (++calls >= kills) reached.resolve(undefined);
      };
      const work = async (index: number): Promise<void> => {
        for (let parent = ""; ;) {
          const id = `${index}-${rounds++}`;
          await counted(client.prepare(`active-${id}`, parent));
          await counted(client.commit(`layer-${id}`, `active-${id}`));
          await counted(client.prepare(`gone-${id}`, parent));
          await counted(client.remove(`gone-${id}`));
          parent = `layer-${id}`;
        }
      };
      const ends = Array.from({ length: 8 }, (_, index) => work(index).catch((error: unknown) => error));
      await reached.promise;
      await daemon.end("SIGKILL");
      for (const end of await Promise.all(ends)) expect(end).toMatchObject({ code: "ERR_UNAVAILABLE" });

      daemon = await Daemon.start(folder);
      await expect
        .poll(
          () =>
            client.cleanup().then(
              () => true,
              () => false,
            ),
          { timeout: 30_000 },
        )
        .toBe(true);
      await expect.poll(staged, { timeout: 30_000 }).toEqual([]);
      const left = await names();
      expect(directories()).toHaveLength(left.length);
      for (const name of left) {
        const { kind } = await client.stat(name);
        if (kind === "active") expect(await client.mounts(name)).toHaveLength(1);
        else expect((await client.usage(name)).inodes).toBe(1);
      }
      expect(daemon.log.filter(({ level }) => level === "warn")).toEqual([]);
    }
  });

  it("counts calls and stages for Prometheus", async () => {
    await daemon.end();
    daemon = await Daemon.start(folder, { words: ["--metrics", "127.0.0.1:0"] });
    await using again = new SnapshotsClient(socket);
    await again.prepare("a", "");
    await again.commit("c", "a");
    await again.stat("nothing").catch(() => undefined);
    const { metrics } = daemon.log.find(({ msg }) => msg === "serving") ?? {};
    const text = await (await fetch(`http://${String(metrics)}/metrics`)).text();
    const service = 'service="containerd.services.snapshots.v1.Snapshots"';
    expect(text).toContain(`laminate_grpc_call_seconds_count{${service},method="Prepare",code="OK"} 1`);
    expect(text).toContain(`laminate_grpc_call_seconds_count{${service},method="Stat",code="NOT_FOUND"} 1`);
    expect(text).toContain('laminate_stage_seconds_count{stage="snapshot.measure"} 1');
  });

  it("takes systemd's socket and tells it when it is ready and when it stops", async () => {
    await daemon.end();
    const [passed, told] = [join(folder, "passed.sock"), join(folder, "told")];
    const main = join(import.meta.dirname, "../../driver/cli/main.ts");
    const words = [process.execPath, main, "--root", join(folder, "root"), "--durability", "none", "serve"];
    const manager = spawn("python3", ["-c", serviceManager, passed, join(folder, "notify.sock"), told, ...words], {
      stdio: ["ignore", "inherit", "ignore"],
    });
    try {
      await using activated = new SnapshotsClient(passed);
      // The socket answers before the daemon does.
      await expect.poll(() => existsSync(passed), { timeout: 30_000 }).toBe(true);
      await activated.prepare("by-socket", "");
      expect((await activated.stat("by-socket")).kind).toBe("active");
    } finally {
      manager.kill("SIGTERM");
      await once(manager, "exit");
    }
    expect(execFileSync("cat", [told], { encoding: "utf8" })).toBe("READY=1\nSTOPPING=1\n");
  });
});

/** Passes a listening socket and writes down the notifications, as systemd does; SIGTERM goes to the service. */
const serviceManager = `
import os, signal, socket, sys
passed, notified, told, *words = sys.argv[1:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); notify.bind(notified)
listening = socket.socket(socket.AF_UNIX); listening.bind(passed); listening.listen()
child = os.fork()
if child == 0:
    os.dup2(listening.fileno(), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", NOTIFY_SOCKET=notified)
    os.execv(words[0], words)
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
with open(told, "w") as out:
    for _ in range(2):
        out.write(notify.recv(4096).decode() + "\\n")
os.waitpid(child, 0)
`;
