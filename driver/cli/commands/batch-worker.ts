import { hostname } from "node:os";
import type { ImportEvent } from "../../index.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { familiarName, printable } from "../format.ts";
import type { OptionValues } from "../options.ts";
import { registryOptions, registrySettings } from "../registry-options.ts";

export const command: Command = {
  arguments: "",
  options: [
    {
      flags: "--queue <url>",
      description: "Redis to take work from: redis://…, rediss://… or a socket ($LAMINATE_QUEUE)",
    },
    { flags: "--per-host", description: "do the batches of which every host is to have all, for this host" },
    { flags: "--name <host>", description: "what this host is called, for --per-host; its host name by default" },
    { flags: "--concurrency <number>", description: "families of images at once, 1 by default" },
    { flags: "-j, --jobs <number>", description: "images at once, 4 by default" },
    { flags: "--lease <seconds>", description: "let others take its work after so long a silence; 30 by default" },
    { flags: "-q, --quiet", description: "say nothing of images" },
    ...registryOptions,
  ],
  examples: [
    "laminate batch worker --queue redis://queue.example:6379",
    "laminate batch worker --queue rediss://queue.example --per-host",
    "LAMINATE_QUEUE=redis://me:password@queue.example laminate batch worker --concurrency 2",
  ],

  async run({ storage, interrupts, env }, _words, options) {
    const url = queueOf(options, env);
    if (url === undefined) throw new UsageError("option --queue says where the work is, or $LAMINATE_QUEUE");
    const settings = {
      familiesAtOnce: numberOf(options, "concurrency", 1000),
      imagesAtOnce: numberOf(options, "jobs", 1000),
      leaseMs: secondsOf(options),
    };
    const { workOnQueue } = await import("../../index.ts");
    const stop = new AbortController();
    // The first signal gives back what is under way; that is how a worker ends.
    const takeBack = interrupts.handOver((signal) => {
      if (stop.signal.aborted) process.exit(1);
      if (signal !== "SIGHUP") stop.abort();
    });
    const isQuiet = options.isOn("quiet");
    const say = (text: string): void => {
      if (!isQuiet) process.stderr.write(`${printable(text)}\n`);
    };
    try {
      await workOnQueue({
        ...{ storage: await storage(), url, registryOptions: registrySettings(options), signal: stop.signal },
        host: options.isOn("per-host") ? (options.text("name") ?? hostname()) : null,
        ...settings,
        onBatch: (set, status) => {
          say(`${set}: ${status}`);
        },
        onEvent: (event) => {
          const text = textOf(event);
          if (text !== undefined) say(text);
        },
      });
    } finally {
      takeBack();
    }
    return {};
  },
};

export function queueOf(options: OptionValues, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const url = options.text("queue") ?? env["LAMINATE_QUEUE"];
  return url === "" ? undefined : url;
}

function textOf(event: ImportEvent): string | undefined {
  if (event.type === "layer") return undefined;
  const name = familiarName(event.source);
  return event.status === "failed" ? `${name}: failed: ${event.error?.message ?? ""}` : `${name}: ${event.status}`;
}

function numberOf(options: OptionValues, name: string, most: number): number | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new UsageError(`option --${name} is a number from 1 to ${most}`);
}

function secondsOf(options: OptionValues): number | undefined {
  const seconds = numberOf(options, "lease", 86_400);
  return seconds === undefined ? undefined : seconds * 1000;
}
