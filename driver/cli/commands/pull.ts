import { parseReference, type PulledImage } from "../../index.ts";
import type { Command } from "../command.ts";
import { containerdOptions, containerdSettings } from "../containerd-options.ts";
import { UsageError } from "../errors.ts";
import { familiarName } from "../format.ts";
import { pullShown } from "../pull-image.ts";
import { openClient, registryOptions } from "../registry-options.ts";

export const command: Command = {
  arguments: "<name>",
  options: [
    { flags: "-a, --all-tags", description: "every tag of the repository" },
    { flags: "-q, --quiet", description: "show no progress, and print the name only" },
    {
      flags: "--platform <platform>",
      description: "os/architecture[/variant] to take from an index ($DOCKER_DEFAULT_PLATFORM)",
    },
    ...containerdOptions("pull"),
    ...registryOptions,
  ],
  examples: [
    "laminate pull debian",
    "laminate pull --platform linux/arm64 debian:12",
    "laminate pull localhost:5000/app@sha256:4b1d…",
    "laminate pull --containerd /run/containerd/containerd.sock --namespace k8s.io debian:12",
    "laminate pull --progress json debian 2>progress.ndjson",
  ],
  hasDocument: true,

  async run(context, [name = ""], options) {
    const quiet = options.isOn("quiet");
    const given = options.text("platform") ?? context.env["DOCKER_DEFAULT_PLATFORM"];
    const platform = given === "" ? undefined : given;
    const reference = parseReference(name);
    const wish = { quiet, platform, containerd: containerdSettings(options) };
    await using client = await openClient(options);
    if (!options.isOn("all-tags")) {
      const isDefault = reference.digest === undefined && !hasTag(name);
      const pulled = await pullShown(context, client, name, wish);
      const first = isDefault && !quiet ? ["Using default tag: latest"] : [];
      return { document: pulled, text: [...first, ...linesOf(pulled, quiet)] };
    }
    if (reference.digest !== undefined || hasTag(name)) throw new UsageError("tag can't be used with --all-tags/-a");
    const pulled: PulledImage[] = [];
    for (const tag of await client.tags(reference, { signal: context.signal })) {
      pulled.push(await pullShown(context, client, `${reference.domain}/${reference.path}:${tag}`, wish));
    }
    return { document: pulled, text: pulled.flatMap((each) => linesOf(each, quiet)) };
  },
};

/** As Docker has them. */
function linesOf({ reference, digest, isNewer }: PulledImage, quiet: boolean): readonly string[] {
  if (quiet) return [reference];
  const name = familiarName(reference);
  const status = isNewer ? `Downloaded newer image for ${name}` : `Image is up to date for ${name}`;
  return [`Digest: ${digest}`, `Status: ${status}`, reference];
}

function hasTag(name: string): boolean {
  return name.includes(":", name.lastIndexOf("/") + 1);
}
