/**
 * The file of regclient's regsync (its documentation, "Configuration File"), as far as it says which images: `sync` with
 * tags and platforms, `creds`, `defaults`. Targets become names in the store. What it says about how to copy, and when,
 * is not done here and becomes warnings.
 */
import { StorageError } from "../../base/errors.ts";
import { tryParseReference } from "../../oci/reference.ts";
import { semverRange } from "./semver-range.ts";
import type { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";
import { whole } from "./tag-patterns.ts";
import { expandTemplates } from "./variables.ts";
import { isMap, type YamlDocument, YamlFields } from "./yaml-fields.ts";

export function isRegsync(value: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(value["sync"]) && value["sync"].every(isMap);
}

export function readRegsync(document: YamlDocument, draft: SetDraft, context: SetContext): void {
  const top = new YamlFields(document, "a map");
  const version = top.optionalText("version") ?? "1";
  if (version !== "1") throw top.place.at("version").fail("is not 1, the version of the format that is known here");
  warnOthers(top, ["version", "creds", "defaults", "sync"], draft);
  const defaults = top.has("defaults") ? top.map("defaults", "a map") : undefined;
  if (defaults !== undefined) warnOthers(defaults, [], draft);
  for (const item of top.list("creds")) readCredentials(new YamlFields(item, "a map"), draft, context);
  for (const item of top.list("sync")) readSync(new YamlFields(item, "a map"), draft, context);
}

function readCredentials(fields: YamlFields, draft: SetDraft, { env }: SetContext): void {
  warnOthers(fields, ["registry", "user", "pass", "tls"], draft);
  const expanded = (key: string): string | undefined =>
    fields.has(key) ? expandTemplates(fields.text(key), env, fields.place.at(key)) : undefined;
  const host = expanded("registry");
  if (host === undefined) throw fields.place.fail("has no registry");
  const tls = fields.optionalText("tls");
  if (tls !== undefined && !["enabled", "insecure", "disabled"].includes(tls)) {
    throw fields.place.at("tls").fail("is not enabled, insecure or disabled");
  }
  const verifyTls = tls === undefined ? undefined : tls === "enabled";
  draft.addRegistry({ host, username: expanded("user"), password: expanded("pass"), verifyTls });
}

function readSync(fields: YamlFields, draft: SetDraft, context: SetContext): void {
  warnOthers(fields, ["source", "target", "type", "tags", "platform", "platforms", "repos"], draft);
  const { place } = fields;
  const expanded = (key: string): string => expandTemplates(fields.text(key), context.env, place.at(key));
  const source = expanded("source");
  const target = fields.has("target") ? expanded("target") : undefined;
  const platform = platformOf(fields, draft);
  const type = fields.text("type");
  if (type === "image") {
    place.within(() => {
      const names = target === undefined || tryParseReference(target) === undefined ? [] : [target];
      if (target !== undefined && names.length === 0) draft.warn(`${place.at("target").toString()} names no image`);
      draft.addImage({ source, tags: names, platform }, context.folder);
    });
    return;
  }
  if (type !== "repository" && type !== "registry") throw place.at("type").fail("is not image, repository or registry");
  if (target !== undefined)
    draft.warn(`${place.at("target").toString()} is not used: images of ${type} keep their own names`);
  const tags = fields.has("tags") ? fields.map("tags", "a map") : undefined;
  if (tags !== undefined) warnOthers(tags, ["allow", "deny", "semverRange"], draft);
  place.within(() => {
    const include = [
      ...(tags?.texts("allow") ?? []).map(whole),
      ...(tags?.texts("semverRange") ?? []).map(semverRange),
    ];
    const exclude = (tags?.texts("deny") ?? []).map(whole);
    for (const repository of type === "registry" ? repositoriesOf(fields, source) : [source]) {
      draft.addRepository({ repository, include, exclude, platform });
    }
  });
}

/** Nobody is asked which repositories a registry has: those that are named are taken. */
function repositoriesOf(fields: YamlFields, host: string): readonly string[] {
  const repos = fields.has("repos") ? fields.map("repos", "a map") : undefined;
  const names = repos?.texts("allow") ?? [];
  const isNamed = names.length > 0 && !repos?.has("deny") && names.every((name) => /^[a-z0-9/_-]+$/.test(name));
  if (isNamed) return names.map((name) => `${host}/${name}`);
  throw new StorageError("ERR_UNIMPLEMENTED", "type registry wants names of repositories in repos.allow, not patterns");
}

/** A name in the store is of one platform. */
function platformOf(fields: YamlFields, draft: SetDraft): string | undefined {
  const several = fields.texts("platforms").filter((platform) => platform !== "local");
  const [first] = several;
  if (several.length > 1) {
    draft.warn(`${fields.place.at("platforms").toString()}: a name is of one platform here; taking ${first ?? ""}`);
  }
  const platform = fields.optionalText("platform") ?? first;
  return platform === "local" ? undefined : platform;
}

/** Keys that start with "x-" are for anchors. */
function warnOthers(fields: YamlFields, known: readonly string[], draft: SetDraft): void {
  for (const place of fields.others(known)) {
    if (!String(place.keys.at(-1)).startsWith("x-")) draft.warn(`${place.toString()} is not used here`);
  }
}
