/** One image a line, as JSON: `{"image": "debian:12", "digest": "sha256:…", "platform": "linux/arm64", "tags": ["a:1"]}`. */
import { isStorageError, StorageError } from "../../base/errors.ts";
import { parseJsonObject } from "../../oci/json.ts";
import type { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";

const keys = ["image", "digest", "platform", "tags"];

/** Its first line is a whole object that has an image. */
export function isNdjson(text: string): boolean {
  const first = text.trimStart().split("\n", 1)[0] ?? "";
  if (!first.startsWith("{")) return false;
  try {
    return "image" in (JSON.parse(first) as object);
  } catch {
    return false;
  }
}

export function readNdjson(text: string, file: string, draft: SetDraft, { folder }: SetContext): void {
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const at = `${file}:${index + 1}`;
    const fields = parseJsonObject(Buffer.from(line), at);
    const unknown = Object.keys(JSON.parse(line) as object).find((key) => !keys.includes(key));
    if (unknown !== undefined) throw fields.invalid(unknown, `is not known; allowed are ${keys.join(", ")}`);
    const wish = {
      source: fields.string("image"),
      digest: fields.optionalString("digest"),
      platform: fields.optionalString("platform"),
      tags: fields.optionalStrings("tags"),
    };
    try {
      draft.addImage(wish, folder);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      throw new StorageError(error.code, `cannot read ${at}: ${error.message}`, { cause: error });
    }
  }
}
