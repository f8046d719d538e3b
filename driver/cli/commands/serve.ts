import { checkServer } from "../../door.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import type { LogFormat, LogLevel } from "../log.ts";
import type { OptionValues } from "../options.ts";
import { registryOptions, registrySettings } from "../registry-options.ts";
import { runtimeConfig, type RuntimeName, runtimeNames } from "../runtime-config.ts";

const logLevels = ["debug", "info", "warn", "error"] as const;
const logFormats = ["json", "text"] as const;

/** systemd's own patience is 90 s. */
const graceMs = 20_000;

export const command: Command = {
  arguments: "",
  options: [
    { flags: "--address <socket>", description: "where to listen; /run/laminate/laminate.sock by default" },
    { flags: "--socket-mode <mode>", description: "permissions of the socket, 0600 by default" },
    { flags: "--socket-owner <uid:gid>", description: "owner of the socket, by numbers" },
    {
      flags: "--containerd <socket>",
      description: "containerd's own socket; /run/containerd/containerd.sock by default",
    },
    { flags: "--remote", description: "fetch the images that containerd is about to unpack, all layers at once" },
    ...registryOptions,
    { flags: "--metrics <address>", description: "serve Prometheus metrics on host:port" },
    { flags: "--log-level <level>", description: `the least to log: ${logLevels.join(", ")}`, choices: logLevels },
    {
      flags: "--log-format <format>",
      description: "json, or text, the default on a terminal",
      choices: logFormats,
    },
    { flags: "--check", description: "ask whether somebody serves on the socket, and end" },
    {
      flags: "--print-config <runtime>",
      description: `print what to put into the configuration of ${runtimeNames.join(", ")}, and end`,
      choices: runtimeNames,
    },
  ],
  examples: [
    "laminate serve",
    "laminate serve --address /run/laminate/laminate.sock --metrics 127.0.0.1:9420",
    "laminate serve --remote --authfile /etc/laminate/auth.json",
    "laminate serve --check",
    "laminate serve --remote --print-config containerd-1.6 >>/etc/containerd/config.toml",
  ],

  async run({ storage, interrupts, env }, _words, options) {
    const address = options.text("address") ?? "/run/laminate/laminate.sock";
    const runtime = options.text("print-config");
    const isRemote = options.isOn("remote");
    const forRemote = ["authfile", "hosts-dir"].find((name) => options.text(name) !== undefined);
    if (forRemote !== undefined && !isRemote) throw new UsageError(`--${forRemote} goes with --remote`);
    if (runtime !== undefined) {
      const root = options.text("root") ?? env["LAMINATE_ROOT"] ?? "/var/lib/laminate";
      return { text: runtimeConfig(runtime as RuntimeName, { address, root, isRemote }) };
    }

    if (options.isOn("check")) {
      await checkServer(address);
      return { text: ["serving"] };
    }

    const metrics = options.text("metrics");
    const containerd = options.text("containerd");
    const { createLogger } = await import("../log.ts");
    const isTerminal = process.stderr.isTTY;
    const logger = createLogger(
      (options.text("log-level") ?? "info") as LogLevel,
      (options.text("log-format") ?? (isTerminal ? "text" : "json")) as LogFormat,
    );
    const socket = socketOptions(options);
    const served = await (
      await storage({ logger, slowWork: "threads" })
    ).serve(address, {
      ...{ socket, env },
      ...(metrics !== undefined && { metrics }),
      ...(containerd !== undefined && { containerd }),
      ...(isRemote && { remote: registrySettings(options) }),
    });

    await new Promise<void>((resolve, reject) => {
      interrupts.handOver((signal) => {
        // There is nothing to read anew.
        if (signal === "SIGHUP") return;
        served.stop(graceMs).then(resolve, reject);
      });
    });
    return {};
  },
};

function socketOptions(options: OptionValues): { mode?: number; uid?: number; gid?: number } {
  const mode = options.text("socket-mode");
  const owner = options.text("socket-owner");
  if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) {
    throw new UsageError(`option --socket-mode is octal, such as 0660, not ${JSON.stringify(mode)}`);
  }
  const [, uid, gid] = /^([0-9]+):([0-9]+)$/.exec(owner ?? "") ?? [];
  if (owner !== undefined && (uid === undefined || gid === undefined)) {
    throw new UsageError(`option --socket-owner is uid:gid in numbers, not ${JSON.stringify(owner)}`);
  }
  return {
    ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }),
    ...(uid !== undefined && gid !== undefined && { uid: Number(uid), gid: Number(gid) }),
  };
}
