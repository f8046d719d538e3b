/** The two daemons, each below one folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Running {
  readonly address: string;
  stop(): Promise<void>;
}

/** As it is published. */
const main = join(import.meta.dirname, "../../dist/cli/main.js");

/** Where {@link startContainerd} will listen. */
export function containerdAddress(folder: string): string {
  return join(folder, "containerd/containerd.sock");
}

export function startLaminate(folder: string): Promise<Running> {
  const address = join(folder, "laminate.sock");
  const places = ["--address", address, "--containerd", containerdAddress(folder)];
  const words = ["--root", join(folder, "laminate"), "serve", ...places, "--log-level", "error"];
  return started(address, spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...words]));
}

export function startContainerd(folder: string, laminate: string): Promise<Running> {
  const home = join(folder, "containerd");
  const address = containerdAddress(folder);
  mkdirSync(home);
  const config = [
    "version = 2",
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    "[proxy_plugins.laminate]",
    'type = "snapshot"',
    `address = ${JSON.stringify(laminate)}`,
  ];
  writeFileSync(join(home, "config.toml"), `${config.join("\n")}\n`);
  const places = ["--root", join(home, "root"), "--state", join(home, "state"), "--address", address];
  return started(
    address,
    spawn("containerd", ["--config", join(home, "config.toml"), "--log-level", "error", ...places]),
  );
}

async function started(address: string, child: ChildProcess): Promise<Running> {
  child.stderr?.on("data", (text: Buffer) => process.stderr.write(text));
  while (!(await answers(address))) {
    if (child.exitCode !== null) throw new Error(`nothing serves on ${address}`);
    await sleep(50);
  }
  return {
    address,
    stop: async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
