/** Tags of a repository, page after page (distribution-spec, Listing Tags). */
import { StorageError } from "../base/errors.ts";
import { maxJsonBytes, parseJsonObject } from "../oci/json.ts";
import { readAtMost } from "./failures.ts";
import type { RegistryHost } from "./registry-host.ts";

const maxTags = 100_000;
const maxPages = 1000;

export async function listTags(
  host: RegistryHost,
  request: {
    readonly context: string;
    readonly repository: string;
    readonly scope: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<readonly string[]> {
  const { context, repository, scope, signal } = request;
  const tags = new Set<string>();
  let path: string | URL = `/${host.endpoint.repositoryOf(repository)}/tags/list?n=1000`;
  for (let page = 0; page < maxPages; page++) {
    const answer = await host.send({ context, method: "GET", path, repository, scope, accept: [200], signal });
    const bytes = await readAtMost(answer, maxJsonBytes);
    const fields = parseJsonObject(bytes, `tags of ${repository} from ${answer.url.host}`);
    for (const tag of fields.optionalStrings("tags") ?? []) {
      if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(tag)) tags.add(tag);
    }
    if (tags.size > maxTags)
      throw new StorageError("ERR_RESOURCE_EXHAUSTED", `${context}: there are more than ${maxTags}`);
    const next = /<([^>]*)>\s*;\s*rel="?next"?/.exec(String(answer.headers["link"] ?? ""))?.[1];
    const url = next === undefined ? null : URL.parse(next, answer.url.href);
    // A page of another host is none of this registry's.
    if (url === null || url.origin !== answer.url.origin) break;
    path = url;
  }
  return [...tags];
}
