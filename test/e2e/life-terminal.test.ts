/** Terminals, by a real one: raw while it lasts, resized, left alone by keys, met again, and put back at the end. */
import { expect, it } from "vitest";
import { describeEachRuntime } from "./each-runtime.ts";
import { Terminal } from "./terminal.ts";

/** Says the size of its terminal, each time that it is asked. */
const asked = "trap 'echo interrupted' INT; echo up; while read -r word; do echo got-$word-$(stty size); done; exit 7";

const ended = (exitCode: number) => ({ exitCode, isRestored: true });

describeEachRuntime("terminals by", { programs: ["python3"], timeout: 300_000 }, (store, runtime) => {
  const env = { ...process.env, LAMINATE_RUNTIME: runtime };
  const on = (...words: readonly string[]): Terminal =>
    new Terminal([31, 97], [process.execPath, ...store.line(words)], env);

  it("run -ti is raw, passes keys on, is left by ctrl-p ctrl-q and met again by attach, and keeps a log", async () => {
    const run = on("run", "-ti", "--name", "shell", "base:1", "sh", "-c", asked);
    await run.expect("up\r\n");
    expect(await run.isRaw()).toBe(true);
    await run.type("one\n");
    await run.expect("got-one-31 97");
    await run.type("\x10\x11");
    expect(await run.end()).toEqual(ended(0));
    expect(store.ok("ps")).toMatch(/Up .* shell$/);

    const attach = on("attach", "shell");
    await attach.type("two\n");
    await attach.expect("got-two-");
    // The end of a terminal's input.
    await attach.type("\x04");
    expect(await attach.end()).toEqual(ended(7));
    expect(store.ok("logs", "shell")).toContain("got-one-");
    expect(store.ok("ps", "-a")).toContain("Exited (7)");

    const again = on("start", "-ai", "shell");
    await again.expect("up\r\n");
    await again.type("\x04");
    expect(await again.end()).toEqual(ended(7));
    store.ok("rm", "shell");
    expect(store.leftOvers()).toEqual([]);
  });

  it("run -dit has a terminal that nobody looks at, and attach --detach-keys leaves it", async () => {
    store.ok("run", "-dit", "--name", "back", "base:1", "sh", "-c", asked);
    const attach = on("attach", "--detach-keys", "ctrl-x", "back");
    await attach.type("word\n");
    await attach.expect("got-word-");
    await attach.type("\x18");
    expect(await attach.end()).toEqual(ended(0));
    store.ok("rm", "-f", "back");
    expect(store.leftOvers()).toEqual([]);
  });

  it("a command line that was killed leaves its container running, and its program can be met again", async () => {
    const run = on("run", "-ti", "--rm", "--name", "kept", "base:1", "sh", "-c", asked);
    await run.expect("up\r\n");
    await run.kill("SIGKILL");
    expect(await run.end()).toEqual({ exitCode: -9, isRestored: false });
    expect(store.ok("ps")).toMatch(/Up .* kept$/);
    const attach = on("attach", "kept");
    await attach.type("more\n");
    await attach.expect("got-more-");
    await attach.type("\x04");
    expect(await attach.end()).toEqual(ended(7));
    expect(store.leftOvers()).toEqual([]);
  });

  it("run -t needs no terminal, run -i passes all of its input on, and -d -i keeps its input open", () => {
    expect(store.run(["run", "--rm", "-t", "base:1", "sh", "-c", "[ -t 1 ] && echo yes"])).toMatchObject({
      status: 0,
      stdout: "yes\r\n",
    });
    const long = "0123456789abcdef".repeat(20_000);
    const { stdout } = store.run(["run", "--rm", "-i", "base:1", "cat"], long);
    expect(stdout === long).toBe(true);
    store.ok("run", "-di", "--name", "open", "base:1", "sh", "-c", "while read -r word; do echo got $word; done");
    expect(store.ok("ps")).toMatch(/Up .* open$/);
    store.ok("rm", "-f", "open");
    expect(store.leftOvers()).toEqual([]);
  });

  it.skipIf(runtime === "chroot")(
    "exec -ti has a terminal of its own, with our size, and resizes with ours",
    async () => {
      store.ok("run", "-d", "--name", "host", "base:1", "sh", "-c", "while :; do sleep 0.05; done");
      const exec = on("exec", "-ti", "host", "sh", "-c", asked);
      await exec.expect("up\r\n");
      expect(await exec.isRaw()).toBe(true);
      await exec.resize(40, 120);
      // It may be typed before it is resized.
      for (let size = ""; size !== "40 120";) {
        await exec.type("three\n");
        size = (await exec.expect("got-three-(\\d+ \\d+)"))[1] ?? "";
      }
      // It ends the reading, too.
      await exec.type("\x03");
      await exec.expect("interrupted");
      expect(await exec.end()).toEqual(ended(7));
      store.ok("rm", "-f", "host");
      expect(store.leftOvers()).toEqual([]);
    },
  );
});
