/** Options of the commands that can put images into a containerd instead of the store. */
import type { ContainerdOptions } from "../index.ts";
import type { OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";
import type { OptionValues } from "./options.ts";

export function containerdOptions(verb: string): readonly OptionSpec[] {
  return [
    { flags: "--containerd <socket>", description: `${verb} into the containerd that listens there` },
    { flags: "--namespace <name>", description: "containerd's namespace, default by default" },
    { flags: "--snapshotter <name>", description: "what containerd calls this store, laminate by default" },
  ];
}

/** Undefined for the store. */
export function containerdSettings(options: OptionValues): ContainerdOptions | undefined {
  const [address, namespace, snapshotter] = ["containerd", "namespace", "snapshotter"].map((name) =>
    options.text(name),
  );
  if (address !== undefined) return { address, namespace, snapshotter };
  if (namespace === undefined && snapshotter === undefined) return undefined;
  throw new UsageError("--namespace and --snapshotter go with --containerd");
}
