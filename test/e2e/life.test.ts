/** The life of containers by the command line: in the background, observed, stopped, and healed after kill -9. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasCgroup } from "./life-cgroups.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { describeEachRuntime } from "./each-runtime.ts";
import { LifeStore } from "./life-store.ts";

const forever = "while :; do sleep 0.05; done";
const patience = { timeout: 60_000 };

describeEachRuntime("containers in the background by", {}, (store, runtime) => {
  const { ok, run } = { ok: store.ok.bind(store), run: store.run.bind(store) };

  it("run whose output nobody reads any more ends as the pipe broke, and leaves its container running", async () => {
    const child = store.spawn(
      "run",
      "--name",
      "heard",
      "base:1",
      "sh",
      "-c",
      "while :; do echo word; sleep 0.05; done",
    );
    await once(child.stdout ?? child, "data");
    child.stdout?.destroy();
    expect(await once(child, "exit")).toEqual([141, null]);
    expect(ok("ps")).toMatch(/Up .* heard$/);
    ok("rm", "-f", "heard");
    expect(store.leftOvers()).toEqual([]);
  });

  it("run -d prints the id, logs keep both streams, and stop asks before it kills", () => {
    const script = `echo out; echo err >&2; trap "echo bye; exit 6" TERM; ${forever}`;
    const id = ok("run", "-d", "--name", "web", "base:1", "sh", "-c", script);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(ok("ps")).toMatch(/Up .* web$/);
    expect(ok("ps", "-q", "--no-trunc")).toBe(id);
    expect(ok("top", "web").split("\n")[1]).toContain("sh -c echo out");
    expect(ok("stop", "web")).toBe("web");
    expect(run(["logs", "web"])).toEqual({ status: 0, stdout: "out\nbye\n", stderr: "err\n" });
    expect(ok("logs", "-t", "-n", "1", "web")).toMatch(/^\d{4}-\d\d-\d\dT\S+Z bye$/);
    expect(ok("logs", "--since", "2999-01-01T00:00:00Z", "web")).toBe("");
    expect(ok("wait", "web")).toBe("6");
    expect(ok("ps", "-a")).toContain("Exited (6)");
    expect(ok("rename", "web", "old-web")).toBe("");
    expect(ok("rm", "old-web")).toBe("old-web");
    expect(store.leftOvers()).toEqual([]);
  });

  it("run -d of a program that is not there ends with 127, and keeps the container", () => {
    const missing = run(["run", "-d", "--name", "none", "base:1", "nope"]);
    // It might be in a volume: the built-in runner learns that it is not only once it has begun.
    if (runtime === "chroot") expect(ok("wait", "none")).toBe("127");
    else expect(missing).toMatchObject({ status: 127, stdout: "" });
    expect(ok("ps", "-a")).toMatch(/Exited \(127\).* none$/);
    expect(ok("rm", "none")).toBe("none");
    expect(store.leftOvers()).toEqual([]);
  });

  it("create, start and start -a run the same container, with the files it had", () => {
    const id = ok("create", "--name", "twice", "base:1", "sh", "-c", "cat /mark 2>/dev/null; echo here >/mark; exit 3");
    expect(ok("ps", "-a")).toContain("Created");
    expect(ok("start", "twice")).toBe("twice");
    expect(ok("wait", id)).toBe("3");
    expect(run(["start", "-a", "twice"])).toEqual({ status: 3, stdout: "here\n", stderr: "" });
    expect(ok("rm", "twice")).toBe("twice");
  });

  it("wait learns the exit code of a container that removes itself, and logs -f ends with it", async () => {
    ok("run", "-d", "--rm", "--name", "brief", "base:1", "sh", "-c", `trap "exit 9" USR1; echo up; ${forever}`);
    const follower = store.spawn("logs", "-f", "brief");
    const waiter = store.spawn("wait", "brief");
    await once(follower.stdout ?? follower, "data");
    await store.hasOpen(waiter.pid, "/exit");
    ok("kill", "-s", "USR1", "brief");
    const answer = once(waiter.stdout ?? waiter, "data");
    expect(String((await answer)[0])).toBe("9\n");
    if (follower.exitCode === null) await once(follower, "exit");
    expect(follower.exitCode).toBe(0);
    expect(ok("ps", "-aq")).toBe("");
    expect(store.leftOvers()).toEqual([]);
  });

  it.skipIf(runtime === "chroot")("stats shows what the cgroup of a container says under Docker's names", async () => {
    const id = ok("run", "-d", "--name", "busy", "--memory", "256m", "base:1", "sh", "-c", forever);
    const figures = (): Record<string, string> =>
      JSON.parse(ok("stats", "--no-stream", "--no-trunc", "--format", "json", "busy")) as Record<string, string>;
    let shown: Record<string, string> = {};
    await expect.poll(() => Number.parseFloat((shown = figures())["CPUPerc"] ?? ""), patience).toBeGreaterThan(0);
    expect(shown).toMatchObject({ Container: "busy", ID: id, Name: "busy", NetIO: "0B / 0B" });
    expect(shown["MemUsage"]).toMatch(/^[1-9]\S*iB \/ 256MiB$/);
    expect(shown["PIDs"]).toMatch(/^[1-9]$/);
    expect(shown["MemPerc"]).toMatch(/^\d+\.\d\d%$/);
  });

  it.runIf(runtime === "chroot")("stats adds up the processes of a container without a cgroup", () => {
    const id = ok("run", "-d", "--name", "busy", "base:1", "sh", "-c", forever);
    const [header, ...lines] = ok("stats", "--no-stream").split("\n");
    expect(header).toMatch(/^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS$/);
    const line = `^${id.slice(0, 12)} +busy +[0-9.]+% +[1-9]\\S*iB / [1-9]\\S*iB .* [1-9]$`;
    expect(lines).toEqual([expect.stringMatching(new RegExp(line))]);
  });

  it("pause stops all processes, and rm -f ends a paused container", async () => {
    const logged = (): number => ok("logs", "still").length;
    const id = ok("run", "-d", "--name", "still", "base:1", "sh", "-c", `while :; do echo tick; sleep 0.05; done`);
    ok("pause", "still");
    expect(run(["pause", "still"]).status).toBe(1);
    // What it had written before is still on its way.
    let before = -1;
    await expect.poll(() => [before, (before = logged())].every((bytes) => bytes === before), patience).toBe(true);
    expect(ok("ps")).toContain("(Paused)");
    ok("unpause", "still");
    await expect.poll(logged, patience).toBeGreaterThan(before);
    ok("pause", "still");
    expect(ok("rm", "-f", "still")).toBe("still");
    expect(store.leftOvers()).toEqual([]);
    expect(hasCgroup(id)).toBe(false);
  });

  it("a monitor that was killed is met by the next command: nothing runs on or stays mounted", () => {
    const id = ok("run", "-d", "--name", "orphan", "base:1", "sh", "-c", forever);
    ok("run", "-d", "--rm", "--name", "gone", "base:1", "sh", "-c", forever);
    process.kill(store.monitorOf(id), "SIGKILL");
    process.kill(store.monitorOf(ok("ps", "-q", "-f", "name=gone")), "SIGKILL");
    expect(ok("ps", "-a")).toMatch(/Exited \(255\).* orphan$/);
    expect(ok("rm", "orphan")).toBe("orphan");
    expect(store.leftOvers()).toEqual([]);
  });

  it("mounts, volumes and limits are what was asked for, and the image's volumes hold what it had there", () => {
    const source = join(store.folder, "source");
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, "file"), "from outside\n");
    const options = [
      ...["-v", `${source}:/in:ro`, "-v", `${join(source, "file")}:/etc/file`, "--tmpfs", "/run", "--read-only"],
      ...["--network", "none", "--cap-drop", "chown", "--label", "a=b", "--cidfile", join(store.folder, "cid")],
    ];
    const script = [
      "cat /in/file /etc/file; ls /home; for path in /in /run /data /; do touch $path/new 2>/dev/null && echo $path; done",
      "grep -c : /proc/net/dev; grep CapEff /proc/self/status",
    ].join("; ");
    const id = ok("create", "--name", "mounts", ...options, "base:1", "sh", "-c", script);
    expect(readFileSync(join(store.folder, "cid"), "utf8")).toBe(id);
    expect(run(["create", "--cidfile", join(store.folder, "cid"), "base:1"]).status).toBe(125);
    const lines = ok("start", "-a", "mounts").split("\n");
    expect(lines.slice(0, -1)).toEqual(["from outside", "from outside", "ann", "/run", "/data", "1"]);
    expect(BigInt(`0x${lines.at(-1)?.split("\t")[1] ?? ""}`) & 1n).toBe(0n);
    expect(ok("ps", "-aq", "--no-trunc", "-f", "label=a=b", "-f", "label=from.image", "-f", "ancestor=base:1")).toBe(
      id,
    );
    expect(ok("ps", "-aq", "-f", "label=a=c")).toBe("");
    ok("rm", "-v", "mounts");
    expect(run(["create", "--platform", "linux/s390x", "base:1"]).status).toBe(125);
    expect(store.leftOvers()).toEqual([]);
  });

  it.skipIf(runtime === "chroot")("exec runs in the container, with its files, user and exit codes", () => {
    ok("run", "-d", "--name", "host", "-e", "OWN=yes", "base:1", "sh", "-c", forever);
    const script = "echo $OWN $MORE $(id -u) $PWD; ls /proc | grep -c '^[0-9]'; cat; exit 4";
    const words = ["exec", "-i", "-e", "MORE=too", "-u", "ann", "-w", "/tmp", "host", "sh", "-c", script];
    const { status, stdout } = run(words, "input");
    expect(status).toBe(4);
    expect(stdout).toMatch(/^yes too 1000 \/tmp\n[1-9]\ninput$/);
    expect(run(["exec", "host", "nope"])).toMatchObject({ status: 127, stdout: "" });
    expect(run(["exec", "host", "/etc/passwd"]).status).toBe(126);
    expect(ok("exec", "-d", "host", "sh", "-c", "echo done >/tmp/done")).toBe("");
    expect(ok("exec", "host", "cat", "/tmp/done")).toBe("done");
    ok("rm", "-f", "host");
    expect(run(["exec", "host", "id"]).status).toBe(125);
  });

  it.runIf(runtime === "chroot")("exec says that this runner cannot", () => {
    ok("run", "-d", "--name", "host", "base:1", "sh", "-c", forever);
    const { status, stderr } = run(["exec", "host", "id"]);
    expect(status).toBe(125);
    expect(stderr).toContain("built-in runner");
    ok("rm", "-f", "host");
  });
});

describe.skipIf(needAll(needRoot(), needPrograms("runc")).missing)("a container in the background", () => {
  it("is ended by the runtime that runs it, whichever is wanted by then", async () => {
    using store = new LifeStore({ LAMINATE_RUNTIME: "chroot" });
    await store.load();
    store.ok("run", "-d", "--name", "odd", "base:1", "sh", "-c", forever);
    const later = spawnSync(process.execPath, store.line(["rm", "-f", "odd"]), {
      encoding: "utf8",
      env: { ...process.env, LAMINATE_RUNTIME: "runc" },
    });
    expect(later).toMatchObject({ status: 0, stdout: "odd\n" });
    expect(store.ok("ps", "-aq")).toBe("");
  });
});
