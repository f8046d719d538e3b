import type { Command } from "../command.ts";
import { containerdOptions, containerdSettings } from "../containerd-options.ts";
import { UsageError } from "../errors.ts";
import { familiarName } from "../format.ts";
import { createProgress } from "../progress.ts";

export const command: Command = {
  arguments: "[source]",
  options: [
    { flags: "-i, --input <source>", description: "a file, a directory, oci:DIR[:TAG], or - for standard input" },
    { flags: "-q, --quiet", description: "show no progress" },
    ...containerdOptions("load"),
    { flags: "--platform <platform>", description: "os/architecture[/variant] to take from an index" },
  ],
  examples: [
    "laminate load -i debian.tar",
    "podman save debian:12 | laminate load",
    "laminate load -i oci:/srv/images:debian",
    "laminate load --containerd /run/containerd/containerd.sock --namespace k8s.io -i debian.tar",
    "laminate load --progress json -i debian.tar 2>progress.ndjson",
  ],
  hasDocument: true,

  async run({ storage, signal, progress, env }, [word], options) {
    const input = options.text("input") ?? word;
    if (input !== undefined && word !== undefined && input !== word) throw new UsageError("give one source");
    if ((input ?? "-") === "-" && process.stdin.isTTY) {
      throw new UsageError("standard input is a terminal: give an archive with -i, or pipe one in");
    }
    const platform = options.text("platform");
    const containerd = containerdSettings(options);
    const view = createProgress(options.isOn("quiet") ? "none" : progress, process.stderr, env);
    try {
      const loaded = await (
        await storage()
      ).load(input ?? "-", {
        signal,
        onProgress: (event) => {
          view.update(event);
        },
        ...(platform !== undefined && { platform }),
        containerd,
      });
      view.end();
      for (const warning of loaded.flatMap((image) => image.warnings)) process.stderr.write(`WARNING: ${warning}\n`);
      const text = loaded.flatMap(({ names, id }) =>
        names.length === 0 ? [`Loaded image ID: ${id}`] : names.map((name) => `Loaded image: ${familiarName(name)}`),
      );
      return { document: loaded, text };
    } finally {
      view.end();
    }
  },
};
