/**
 * The files of image-syncer (its README): images.yaml maps sources to targets, auth.yaml hosts to credentials, and the
 * older config.json has both. Targets become names in the store.
 */
import type { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";
import { anywhere } from "./tag-patterns.ts";
import { expandVariables } from "./variables.ts";
import { isMap, listOf, textOf, type YamlDocument, YamlFields } from "./yaml-fields.ts";

const authKeys = ["username", "password", "insecure"];

export function isImageMap(value: Readonly<Record<string, unknown>>): boolean {
  const targets = Object.values(value);
  const isTarget = (target: unknown): boolean => typeof target === "string" || target === null;
  return (
    targets.some((target) => target !== null) &&
    targets.every((target) => isTarget(target) || (Array.isArray(target) && target.every(isTarget)))
  );
}

export function isAuthMap(value: Readonly<Record<string, unknown>>): boolean {
  const hosts = Object.values(value);
  return (
    hosts.length > 0 && hosts.every((host) => isMap(host) && Object.keys(host).every((key) => authKeys.includes(key)))
  );
}

export function isSyncerConfig(value: Readonly<Record<string, unknown>>): boolean {
  const { images, auth } = value;
  return isMap(images) && isImageMap(images) && (auth === undefined || isMap(auth));
}

export function readSyncerConfig(document: YamlDocument, draft: SetDraft, context: SetContext): void {
  const top = new YamlFields(document, "a map");
  for (const place of top.others(["auth", "images"])) draft.warn(`${place.toString()} is not used here`);
  if (top.has("auth")) readAuthMap(top.value("auth"), draft, context);
  readImageMap(top.value("images"), draft, context);
}

export function readAuthMap(document: YamlDocument, draft: SetDraft, { env }: SetContext): void {
  const top = new YamlFields(document, "a map of hosts");
  // Those of a whole host come last, and so count.
  for (const name of top.keys.toSorted((a, b) => b.split("/").length - a.split("/").length)) {
    const fields = top.map(name, "a map");
    fields.allowOnly(authKeys);
    const expanded = (key: string): string | undefined =>
      fields.has(key) ? expandVariables(fields.text(key), env, fields.place.at(key)) : undefined;
    const [host = "", ...path] = name.split("/");
    if (path.length > 0) draft.warn(`${fields.place.toString()}: credentials are for the whole of ${host} here`);
    const insecure = fields.optionalSwitch("insecure");
    draft.addRegistry({
      host: host === "registry.hub.docker.com" ? "docker.io" : host,
      username: expanded("username"),
      password: expanded("password"),
      verifyTls: insecure === undefined ? undefined : !insecure,
    });
  }
}

export function readImageMap(document: YamlDocument, draft: SetDraft, { folder }: SetContext): void {
  const top = new YamlFields(document, "a map of sources to targets");
  for (const source of top.keys) {
    const item = top.value(source);
    const targets = Array.isArray(item.value) ? listOf(item).map(textOf) : item.value === null ? [] : [textOf(item)];
    item.place.within(() => {
      readSource(source, targets, draft, folder);
    });
  }
}

/** "repo", "repo:tag", "repo:tag,tag", "repo:/expression/", "repo@digest". */
function readSource(source: string, targets: readonly string[], draft: SetDraft, folder: string): void {
  const [, patterned, expression] = /^([^@]+?):\/(.*)\/$/s.exec(source) ?? [];
  if (patterned !== undefined) {
    draft.addRepository({ repository: patterned, include: [anywhere(expression ?? "")], exclude: [] });
    return;
  }
  const colon = source.includes("@") ? -1 : source.indexOf(":", source.lastIndexOf("/") + 1);
  if (colon < 0 && !source.includes("@")) {
    draft.addRepository({ repository: source, include: [], exclude: [] });
    return;
  }
  const tags = colon < 0 ? [] : source.slice(colon + 1).split(",");
  const repository = colon < 0 ? source : source.slice(0, colon);
  for (const tag of colon < 0 ? [""] : tags) {
    const hasTag = (target: string): boolean => target.includes(":", target.lastIndexOf("/") + 1);
    const names = targets
      .map((target) => (hasTag(target) ? target : tag === "" ? undefined : `${target}:${tag}`))
      .filter((target) => target !== undefined);
    draft.addImage({ source: tag === "" ? repository : `${repository}:${tag}`, tags: names }, folder);
  }
}
