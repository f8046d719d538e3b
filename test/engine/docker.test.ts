/** The lesson on Docker Engine, whose containerd image store keeps its layers in laminate. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { debianRoot } from "../fixtures/debian-root.ts";
import { DockerEngine } from "../fixtures/docker-engine.ts";
import { buildOciArchive } from "../fixtures/image-builder.ts";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { EngineStore } from "./engine-store.ts";

const need = needAll(needRoot(), needPrograms("mmdebstrap", "runc"));
const app = "/srv/app.sh";

describe.skipIf(need.missing)("Docker Engine on laminate", () => {
  let store: EngineStore;
  let docker: DockerEngine;

  beforeAll(async () => {
    store = await EngineStore.start("docker");
    docker = await DockerEngine.start(join(store.folder, "docker"), store.containerd.address, store.daemonJson());
  }, 900_000);
  afterAll(async () => {
    await docker[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  /** Rows of `history`, newest first. */
  const history = (image: string): readonly string[] =>
    docker.ok("history", "--format", "{{.CreatedBy}}|{{.Comment}}|{{.Size}}", image).split("\n");

  it("uses the snapshotter that its configuration names", () => {
    expect(docker.ok("info", "--format", "{{.Driver}} {{json .DriverStatus}}")).toMatch(
      /^laminate \[\["driver-type","io\.containerd\.snapshotter\.v1"\]\]$/,
    );
    console.info(docker.ok("version", "--format", "Docker {{.Server.Version}}"), store.containerd.ctr("--version"));
  });

  it("loads a base", async () => {
    const layers = [{ tar: readFileSync(debianRoot()), compression: "gzip" as const }];
    const config = { Cmd: ["bash"], Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] };
    const archive = join(store.folder, "base.tar");
    writeFileSync(archive, await buildOciArchive([{ names: ["docker.io/library/debian:12"], layers, config }]));
    expect(docker.ok("load", "-i", archive)).toBe("Loaded image: debian:12");
    expect(docker.ok("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe("debian:12");
  });

  it("runs a container, changes it, and makes an image of it", () => {
    const change = [
      `printf '#!/bin/sh\\necho "Hello from $1"\\n' >${app}`,
      `chmod +x ${app}`,
      "rm -rf /usr/share/doc/bash",
      "rm /etc/motd.d /etc/legal -rf",
      "ln -s app.sh /srv/link",
    ].join(" && ");
    expect(
      docker.ok("run", "--name", "base-container", "debian:12", "sh", "-c", `${change} && cat /etc/debian_version`),
    ).toMatch(/^12\./);
    expect(docker.ok("diff", "base-container").split("\n")).toEqual(
      expect.arrayContaining([`A ${app}`, "A /srv/link", "D /usr/share/doc/bash"]),
    );
    expect(docker.ok("commit", "-m", "Add app", "base-container", "app-base")).toMatch(/^sha256:[0-9a-f]{64}$/);
    const [top = "", ...below] = history("app-base");
    expect(top).toMatch(/^sh -c .*\|Add app\|[0-9.]+k?B$/);
    expect(below).toEqual(history("debian:12"));
    expect(docker.ok("run", "--rm", "app-base", app, "the base")).toBe("Hello from the base");
    expect(docker.ok("run", "--rm", "app-base", "ls", "-l", "/srv/link")).toMatch(/^lrwxrwxrwx .* app\.sh$/);
    expect(docker.run("run", "--rm", "app-base", "ls", "/usr/share/doc/bash").status).toBe(2);
  });

  it("commits a command, which later runs by default", () => {
    docker.ok("run", "--name", "app-container", "app-base", "sh", "-c", "echo data >/srv/data");
    docker.ok("commit", "-m", "Add data", "-c", `CMD ["${app}", "the default command"]`, "app-container", "app:1");
    expect(history("app:1").map((line) => line.split("|")[1])).toEqual([
      "Add data",
      "Add app",
      ...history("debian:12").map((line) => line.split("|")[1]),
    ]);
    expect(docker.ok("run", "--name", "default", "app:1")).toBe("Hello from the default command");
    expect(docker.ok("run", "--rm", "app:1", "cat", "/srv/data")).toBe("data");
    expect(docker.ok("image", "inspect", "--format", "{{json .Config.Cmd}}", "app:1")).toBe(
      `["${app}","the default command"]`,
    );
  });

  it("keeps on while the daemon is killed under a running container", async () => {
    docker.ok("run", "-d", "--name", "stays", "app:1", "sleep", "600");
    await store.daemon.end("SIGKILL");
    expect(docker.ok("exec", "stays", "cat", "/srv/data")).toBe("data");
    await store.startDaemon();
    await expect
      .poll(() => docker.run("run", "--rm", "app:1").stdout, { timeout: 60_000 })
      .toBe("Hello from the default command\n");
    expect(docker.ok("exec", "stays", "cat", "/srv/data")).toBe("data");
  });

  it("shows containerd and the store the same snapshots", async () => {
    expect(store.known("moby")).toEqual(await store.snapshots());
    expect(store.directories()).toHaveLength(store.known("moby").length);
  });

  it("has nothing left when containers and images are gone", async () => {
    docker.ok("rm", "-f", "stays", "default", "app-container", "base-container");
    expect(docker.ok("ps", "-aq")).toBe("");
    docker.ok("image", "rm", "app:1");
    expect(docker.ok("run", "--rm", "app-base", app, "what is kept")).toBe("Hello from what is kept");
    docker.ok("image", "rm", "app-base", "debian:12");
    expect(docker.ok("images", "-q")).toBe("");
    // containerd collects its garbage when it comes to it.
    await expect.poll(() => store.known("moby"), { timeout: 60_000 }).toEqual([]);
    await expect.poll(() => store.directories(), { timeout: 60_000 }).toEqual([]);
    await expect.poll(() => store.staging(), { timeout: 60_000 }).toEqual([]);
    expect(await store.snapshots()).toEqual([]);
    expect(store.mountPoints()).toEqual([]);
  });
});
