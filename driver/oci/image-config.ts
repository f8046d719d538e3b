/** Image configs (image-spec config.md). Field names are the specification's; unknown fields are dropped. */
import type { DiffId } from "../base/digest.ts";
import type { Descriptor } from "./descriptor.ts";
import { type JsonFields, parseJsonObject } from "./json.ts";
import { documentName, maxLayers } from "./manifest.ts";

/** How a container of the image runs. Every field may be missing. */
export interface ContainerConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** True for an instruction that made no layer. */
  readonly empty_layer?: boolean;
}

export interface ImageConfig {
  /** RFC 3339, as written. */
  readonly created?: string;
  readonly author?: string;
  /** "" in configs that do not say. */
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config?: ContainerConfig;
  readonly rootfs: {
    readonly type: "layers";
    /** Bottom layer first; as many as the manifest has layers. */
    readonly diff_ids: readonly DiffId[];
  };
  /** Oldest first; tools that add a layer without a word leave it shorter than diff_ids, never longer. */
  readonly history?: readonly HistoryEntry[];
}

/**
 * Reads a config of OCI or Docker. No layers at all is fine; whoever needs some checks.
 * @param found the descriptor that led here: names the document in errors.
 * @throws {StorageError} ERR_INVALID_ARGUMENT naming the field; ERR_RESOURCE_EXHAUSTED when it is longer than 4 MiB.
 */
export function parseImageConfig(bytes: Uint8Array, found?: Descriptor): ImageConfig {
  const fields = parseJsonObject(bytes, documentName("image config", found));
  fields.forbid(["layers", "manifests", "schemaversion"], "belongs to a manifest, and this is an image config");
  const rootfs = fields.object("rootfs");
  if (rootfs.string("type") !== "layers") throw fields.invalid("rootfs.type", 'is not "layers"');
  const diffIds = rootfs.optionalDigests("diff_ids", maxLayers) ?? [];
  const history = fields.has("history") ? fields.objects("history", 2 * maxLayers).map(historyFrom) : [];
  requireLayersForHistory(fields, history, diffIds.length);
  const config = fields.optionalObject("config");
  return {
    ...strings(fields, ["created", "author", "variant"]),
    architecture: fields.optionalString("architecture", 64) ?? "",
    os: fields.optionalString("os", 64) ?? "",
    ...(config && { config: containerConfigFrom(config) }),
    rootfs: { type: "layers", diff_ids: diffIds },
    ...(history.length > 0 && { history }),
  };
}

function requireLayersForHistory(fields: JsonFields, history: readonly HistoryEntry[], layers: number): void {
  const withLayer = history.filter((entry) => entry.empty_layer !== true).length;
  if (withLayer <= layers) return;
  throw fields.invalid(
    "history",
    `has ${withLayer} entries that are not empty_layer, but rootfs.diff_ids has ${layers}`,
  );
}

/** The named fields that are there: absent ones stay absent. */
function strings<Name extends string>(
  fields: JsonFields,
  names: readonly Name[],
): { readonly [name in Name]?: string } {
  const found: { [name in Name]?: string } = {};
  for (const name of names) {
    const value = fields.optionalString(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function historyFrom(fields: JsonFields): HistoryEntry {
  const emptyLayer = fields.optionalBoolean("empty_layer");
  return {
    ...strings(fields, ["created", "created_by", "author", "comment"]),
    ...(emptyLayer !== undefined && { empty_layer: emptyLayer }),
  };
}

function containerConfigFrom(fields: JsonFields): ContainerConfig {
  const exposedPorts = fields.optionalKeySet("ExposedPorts");
  const volumes = fields.optionalKeySet("Volumes");
  const env = fields.optionalStrings("Env");
  const entrypoint = commandFrom(fields, "Entrypoint");
  const cmd = commandFrom(fields, "Cmd");
  const labels = fields.optionalStringMap("Labels");
  return {
    ...strings(fields, ["User", "WorkingDir", "StopSignal"]),
    ...(exposedPorts && { ExposedPorts: exposedPorts }),
    ...(env && { Env: env }),
    ...(entrypoint && { Entrypoint: entrypoint }),
    ...(cmd && { Cmd: cmd }),
    ...(volumes && { Volumes: volumes }),
    ...(labels && { Labels: labels }),
  };
}

function commandFrom(fields: JsonFields, name: string): readonly string[] | undefined {
  const words = fields.optionalStrings(name);
  if (words?.some((word) => word.includes("\0"))) throw fields.invalid(name, "has a NUL character");
  return words;
}
