/** Pulling as commands show it. */
import { type ContainerdOptions, hasCode, type PulledImage, type RegistryClient, StorageError } from "../index.ts";
import type { CommandContext } from "./command.ts";
import { familiarName } from "./format.ts";
import type { OptionValues } from "./options.ts";
import { createProgress } from "./progress.ts";
import { openClient } from "./registry-options.ts";

export interface PullWish {
  readonly quiet: boolean;
  readonly platform?: string | undefined;
  readonly containerd?: ContainerdOptions | undefined;
}

/** With its progress and warnings on standard error. */
export async function pullShown(
  { storage, signal, progress, env }: CommandContext,
  client: RegistryClient,
  reference: string,
  { quiet, platform, containerd }: PullWish,
): Promise<PulledImage> {
  const view = createProgress(quiet ? "none" : progress, process.stderr, env);
  try {
    const pulled = await (
      await storage()
    ).pull(reference, {
      client,
      signal,
      onProgress: (event) => {
        view.update(event);
      },
      ...(platform !== undefined && { platform }),
      containerd,
    });
    view.end();
    for (const warning of pulled.warnings) process.stderr.write(`WARNING: ${warning}\n`);
    return pulled;
  } finally {
    view.end();
  }
}

/**
 * The image that a container is to be made of, by `--pull`: always, missing or never.
 * @throws {StorageError} ERR_NOT_FOUND for an image that is neither here nor to be had.
 */
export async function ensureImage(
  context: CommandContext,
  { image, platform }: { readonly image: string; readonly platform?: string | undefined },
  options: OptionValues,
): Promise<void> {
  const when = options.text("pull") ?? "missing";
  if (when === "never") return;
  const missing = when === "always" ? undefined : await whyMissing(context, image);
  if (when === "missing" && (missing === undefined || /^(?:sha256:)?[0-9a-f]{64}$/.test(image))) return;
  const quiet = options.isOn("quiet");
  if (missing !== undefined && !quiet) process.stderr.write(`Unable to find image '${withTag(image)}' locally\n`);
  await using client = await openClient(options);
  try {
    await pullShown(context, client, image, { quiet, platform });
  } catch (error) {
    if (missing === undefined || context.signal.aborted || !(error instanceof Error)) throw error;
    const reason = error.message.replace(/^cannot pull [^ ]+: /, "");
    throw new StorageError("ERR_NOT_FOUND", `${missing.message} here, and it cannot be pulled: ${reason}`, {
      cause: error,
    });
  }
}

/** Undefined for an image that is here, whatever else is wrong with it. */
async function whyMissing({ storage }: CommandContext, image: string): Promise<StorageError | undefined> {
  try {
    await (await storage()).images.get(image);
    return undefined;
  } catch (error) {
    return hasCode(error, "ERR_NOT_FOUND") ? error : undefined;
  }
}

function withTag(image: string): string {
  const name = familiarName(image);
  return name.includes("@") || name.includes(":", name.lastIndexOf("/") + 1) ? name : `${name}:latest`;
}
