import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { printable } from "../format.ts";

export const command: Command = {
  arguments: "<source> <target>",
  options: [
    { flags: "-a, --archive", description: "keep owners; otherwise root owns what goes in, and you what comes out" },
    { flags: "-L, --follow-link", description: "follow a symlink that is the source" },
    { flags: "-q, --quiet", description: "say nothing of what was copied, on a terminal" },
  ],
  examples: [
    "laminate cp app.js web:/srv/",
    "laminate cp web:/var/log/. ./logs",
    "laminate cp web:/etc/passwd - | tar -xO",
    "tar -c site | laminate container cp - web:/srv",
  ],

  async run({ storage, signal }, [source = "", target = ""], options) {
    const [from, to] = [placeOf(source), placeOf(target)];
    const copyOptions = { archive: options.isOn("archive"), followLink: options.isOn("follow-link"), signal };
    if (from.container !== undefined && to.container !== undefined) {
      throw new UsageError("copying between containers is not supported: copy to this machine in between");
    }
    if (from.container !== undefined) {
      if (to.path === "-" && process.stdout.isTTY) {
        throw new UsageError("standard output is a terminal: give a path, or a pipe");
      }
      const sink = to.path === "-" ? process.stdout : to.path;
      warn(await (await storage()).copyFrom(from.container, from.path, sink, copyOptions));
    } else if (to.container !== undefined) {
      if (from.path === "-" && process.stdin.isTTY) {
        throw new UsageError("standard input is a terminal: give a path, or pipe a tar in");
      }
      const origin = from.path === "-" ? process.stdin : from.path;
      warn(await (await storage()).copyTo(to.container, origin, to.path, copyOptions));
    } else {
      throw new UsageError("one of source and target is CONTAINER:PATH");
    }
    if (process.stderr.isTTY && !options.isOn("quiet")) process.stderr.write(`Copied ${source} to ${target}\n`);
    return {};
  },
};

interface Place {
  readonly container: string | undefined;
  readonly path: string;
}

/** As Docker reads them: a path of this machine that holds a colon begins with "/" or ".". */
function placeOf(text: string): Place {
  if (text === "") throw new UsageError("a path may not be empty");
  const [, container, path] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (container === undefined || path === undefined || /^[./]/.test(text)) return { container: undefined, path: text };
  if (path === "") throw new UsageError(`no path after ${JSON.stringify(text)}`);
  return { container, path };
}

function warn(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`laminate: ${printable(warning)}\n`);
}
