/** The file of `skopeo sync --src yaml` (skopeo-sync(1), "YAML file content"): hosts, and what to take from each. */
import { isDigest } from "../../base/digest.ts";
import { semverRange } from "./semver-range.ts";
import type { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";
import { anywhere } from "./tag-patterns.ts";
import { isMap, listOf, textOf, type YamlDocument, YamlFields } from "./yaml-fields.ts";

const known = ["images", "images-by-tag-regex", "images-by-semver", "credentials", "tls-verify", "cert-dir"];

/** A map of hosts to maps with at least one key that only this format has. */
export function isSkopeoSync(value: Readonly<Record<string, unknown>>): boolean {
  const hosts = Object.values(value);
  return hosts.every(isMap) && hosts.some((host) => known.slice(0, 3).some((key) => isMap(host[key])));
}

export function readSkopeoSync(document: YamlDocument, draft: SetDraft, { folder }: SetContext): void {
  const top = new YamlFields(document, "a map of hosts");
  for (const host of top.keys) {
    const fields = top.map(host, "a map");
    fields.allowOnly(known);
    readAccess(fields, host, draft);
    const images = fields.has("images") ? fields.map("images", "a map of repositories to lists of tags") : undefined;
    for (const name of images?.keys ?? []) readTags(`${host}/${name}`, images?.value(name), draft, folder);
    for (const [key, patternOf] of [
      ["images-by-tag-regex", anywhere],
      ["images-by-semver", semverRange],
    ] as const) {
      const patterns = fields.has(key) ? fields.map(key, "a map of repositories to expressions") : undefined;
      for (const name of patterns?.keys ?? []) {
        const expression = patterns?.value(name);
        expression?.place.within(() => {
          const texts = Array.isArray(expression.value) ? listOf(expression).map(textOf) : [textOf(expression)];
          draft.addRepository({ repository: `${host}/${name}`, include: texts.map(patternOf), exclude: [] });
        });
      }
    }
  }
}

/** No tags are all of them; "sha256:…" among them is a digest. */
function readTags(repository: string, tags: YamlDocument | undefined, draft: SetDraft, folder: string): void {
  if (tags === undefined) return;
  const names = tags.value === null ? [] : listOf(tags);
  tags.place.within(() => {
    if (names.length === 0) draft.addRepository({ repository, include: [], exclude: [] });
  });
  for (const name of names) {
    const tag = textOf(name);
    name.place.within(() => {
      draft.addImage({ source: isDigest(tag) ? `${repository}@${tag}` : `${repository}:${tag}` }, folder);
    });
  }
}

function readAccess(fields: YamlFields, host: string, draft: SetDraft): void {
  const credentials = fields.has("credentials") ? fields.map("credentials", "a map") : undefined;
  credentials?.allowOnly(["username", "password"]);
  const verifyTls = fields.optionalSwitch("tls-verify");
  if (credentials !== undefined || verifyTls !== undefined) {
    draft.addRegistry({
      host,
      username: credentials?.optionalText("username"),
      password: credentials?.optionalText("password"),
      verifyTls,
    });
  }
  if (fields.has("cert-dir")) {
    draft.warn(
      `${fields.place.at("cert-dir").toString()} is not used: put the certificates into the folder of --hosts-dir`,
    );
  }
}
