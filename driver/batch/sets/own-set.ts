/** Our own format, image-set.schema.json: `laminate: 1`, then images, repositories, registries and a platform for all. */
import { expandVariables } from "./variables.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { semverRange } from "./semver-range.ts";
import type { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";
import { whole } from "./tag-patterns.ts";
import { listOf, type YamlDocument, YamlFields } from "./yaml-fields.ts";

const topKeys = ["laminate", "platform", "registries", "images", "repositories"] as const;
const imageKeys = ["image", "digest", "tags", "platform"] as const;
const repositoryKeys = ["repository", "include", "exclude", "semver", "platform"] as const;
const registryKeys = ["username", "password", "tls-verify"] as const;

export function isOwnSet(value: Readonly<Record<string, unknown>>): boolean {
  return Object.hasOwn(value, "laminate");
}

export function readOwnSet(document: YamlDocument, draft: SetDraft, context: SetContext): void {
  const top = new YamlFields(document, "a map");
  top.allowOnly(topKeys);
  const version = top.value("laminate");
  if (version.value !== 1) throw version.place.fail("is not 1, the version of the format that is known here");
  const platform = top.optionalText("platform");
  if (platform !== undefined) top.place.at("platform").within(() => parsePlatform(platform));
  for (const registries of top.has("registries") ? [top.map("registries", "a map of hosts")] : []) {
    for (const host of registries.keys) readRegistry(registries.map(host, "a map"), host, draft, context);
  }
  for (const item of top.list("images")) readImage(item, platform, draft, context);
  for (const item of top.list("repositories")) {
    const fields = new YamlFields(item, "a map with repository");
    fields.allowOnly(repositoryKeys);
    fields.place.within(() => {
      draft.addRepository({
        repository: fields.text("repository"),
        include: [...fields.texts("include").map(whole), ...fields.texts("semver").map(semverRange)],
        exclude: fields.texts("exclude").map(whole),
        platform: fields.optionalText("platform") ?? platform,
      });
    });
  }
}

function readImage(item: YamlDocument, platform: string | undefined, draft: SetDraft, { folder }: SetContext): void {
  if (typeof item.value === "string" && item.value !== "") {
    const source = item.value;
    item.place.within(() => {
      draft.addImage({ source, platform }, folder);
    });
    return;
  }
  const fields = new YamlFields(item, "a reference, a locator or a map with image");
  fields.allowOnly(imageKeys);
  const wish = {
    source: fields.text("image"),
    digest: fields.optionalText("digest"),
    tags: fields.texts("tags"),
    platform: fields.optionalText("platform") ?? platform,
  };
  item.place.within(() => {
    draft.addImage(wish, folder);
  });
}

function readRegistry(fields: YamlFields, host: string, draft: SetDraft, { env }: SetContext): void {
  fields.allowOnly(registryKeys);
  const secret = (key: string): string | undefined =>
    fields.has(key) ? expandVariables(fields.text(key), env, fields.place.at(key)) : undefined;
  draft.addRegistry({
    host,
    username: secret("username"),
    password: secret("password"),
    verifyTls: fields.optionalSwitch("tls-verify"),
  });
}

/** For lists that are `images` of a set without the rest. */
export function readImages(document: YamlDocument, draft: SetDraft, context: SetContext): void {
  for (const item of listOf(document)) readImage(item, undefined, draft, context);
}
