import { rm, writeFile } from "node:fs/promises";
import { copyImage, RegistryClient, type RegistryOptions } from "../../index.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import type { OptionValues } from "../options.ts";
import { createProgress } from "../progress.ts";
import { registryOptions, registrySettings } from "../registry-options.ts";

export const command: Command = {
  arguments: "<source> <target>",
  options: [
    { flags: "-a, --all", description: "an index with all platforms, not one image of it" },
    { flags: "--all-platforms", description: "the same as --all" },
    { flags: "--platform <platform>", description: "os/architecture[/variant] to take from an index" },
    { flags: "--digestfile <file>", description: "write the digest of what was copied to a file" },
    { flags: "-q, --quiet", description: "show no progress" },
    ...registryOptions,
    { flags: "--src-tls-verify", description: "as --tls-verify, for the source", onByDefault: true },
    { flags: "--dest-tls-verify", description: "as --tls-verify, for the target", onByDefault: true },
    { flags: "--src-authfile <file>", description: "as --authfile, for the source" },
    { flags: "--dest-authfile <file>", description: "as --authfile, for the target" },
    { flags: "--src-creds <user:password>", description: "credentials for the source's registry" },
    { flags: "--dest-creds <user:password>", description: "credentials for the target's registry" },
  ],
  examples: [
    "laminate copy debian:12 localhost:5000/debian:12",
    "laminate copy --all docker://debian:12 oci:./images:debian-12",
    "laminate copy --platform linux/arm64 debian:12 docker-archive:debian-arm64.tar:debian:12",
    "laminate copy --digestfile digest oci-archive:app.tar registry.example/team/app:1",
  ],
  hasDocument: true,

  async run({ signal, progress, env }, [source = "", target = ""], options) {
    const isWhole = options.isOn("all") || options.isOn("all-platforms");
    const platform = options.text("platform");
    if (isWhole && platform !== undefined) throw new UsageError("--platform takes one image, and --all takes all");
    const digestFile = options.text("digestfile");
    const [from, to] = [settingsFor("src", options), settingsFor("dest", options)];
    await using sourceClient = new RegistryClient(from);
    // One client, with its limits and connections, unless there is a difference.
    await using other = JSON.stringify(from) === JSON.stringify(to) ? undefined : new RegistryClient(to);
    const view = createProgress(options.isOn("quiet") ? "none" : progress, process.stderr, env);
    try {
      if (digestFile !== undefined) await rm(digestFile, { force: true });
      const copied = await copyImage(source, target, {
        ...{ platform, isWhole, sourceClient, targetClient: other, signal },
        onProgress: (event) => {
          view.update(event);
        },
      });
      view.end();
      if (digestFile !== undefined) await writeFile(digestFile, copied.digest);
      return { document: copied, text: [copied.digest] };
    } finally {
      view.end();
    }
  },
};

function settingsFor(side: "src" | "dest", options: OptionValues): RegistryOptions {
  const common = registrySettings(options);
  const authFile = options.text(`${side}-authfile`) ?? common.authFile;
  const creds = options.text(`${side}-creds`);
  const colon = creds?.indexOf(":") ?? -1;
  if (creds !== undefined && colon < 1) throw new UsageError(`--${side}-creds are a user, a colon and a password`);
  return {
    ...common,
    authFile,
    isTlsVerified: common.isTlsVerified === true && options.isOn(`${side}-tls-verify`),
    ...(creds !== undefined && {
      credentials: { username: creds.slice(0, colon), password: creds.slice(colon + 1) },
    }),
  };
}
