/**
 * Files that say which images: our own, and those of other tools. What a file is shows in what it holds. Reading them
 * asks no registry.
 */
import { createReadStream } from "node:fs";
import { dirname } from "node:path";
import { asStorageError, StorageError } from "../../base/errors.ts";
import type { ImageSet } from "../image-set.ts";
import { isHauler, readHauler } from "./hauler.ts";
import { isAuthMap, isImageMap, isSyncerConfig, readAuthMap, readImageMap, readSyncerConfig } from "./image-syncer.ts";
import { isNdjson, readNdjson } from "./ndjson.ts";
import { isOwnSet, readImages, readOwnSet } from "./own-set.ts";
import { firstWithBlanks, isPlainList, readPlainList } from "./plain-list.ts";
import { isRegsync, readRegsync } from "./regsync.ts";
import { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";
import { isSkopeoSync, readSkopeoSync } from "./skopeo-sync.ts";
import { isMap, parseYaml, type YamlDocument } from "./yaml-fields.ts";

const maxFileBytes = 16 * 1024 * 1024;

export interface ReadSetOptions {
  /** What "-" reads; standard input unless given. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** For variables in credentials; process.env unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The set that the files are together; "-" is standard input. Paths in a file start from its folder.
 * @throws {StorageError} ERR_NOT_FOUND, ERR_PERMISSION_DENIED for a file; ERR_INVALID_ARGUMENT naming file, line and key,
 * and what is allowed there; ERR_UNIMPLEMENTED; ERR_RESOURCE_EXHAUSTED for a limit. No message holds a secret.
 */
export async function readImageSet(paths: readonly string[], options: ReadSetOptions = {}): Promise<ImageSet> {
  const { stdin = process.stdin, env = process.env } = options;
  if (paths.filter((path) => path === "-").length > 1) {
    throw new StorageError("ERR_INVALID_ARGUMENT", "cannot read set: standard input is named twice");
  }
  const draft = new SetDraft();
  for (const path of paths) {
    const isStdin = path === "-";
    const text = await readText(isStdin ? stdin : createReadStream(path), path);
    readSetText(text, path, draft, { folder: isStdin ? "." : dirname(path), env });
  }
  return draft.build(paths.join(", "));
}

function readSetText(text: string, file: string, draft: SetDraft, context: SetContext): void {
  if (isNdjson(text)) {
    readNdjson(text, file, draft, context);
  } else if (isPlainList(text)) {
    readPlainList(text, file, draft, context);
  } else {
    const documents = parseYaml(text, file, "text");
    if (documents.some(({ value }) => isMap(value) && isOwnSet(value))) {
      for (const document of parseYaml(text, file, "typed")) readOwnSet(document, draft, context);
    } else {
      for (const document of documents) {
        if (typeof document.value === "string") {
          const reason = "a list has one reference or locator a line, without blanks";
          throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${file}:${firstWithBlanks(text)}: ${reason}`);
        }
        readDocument(document, draft, context);
      }
    }
  }
}

/** In this order: what is more particular first. */
const formats = [
  [isHauler, readHauler],
  [isRegsync, readRegsync],
  [isSyncerConfig, readSyncerConfig],
  [isAuthMap, readAuthMap],
  [isSkopeoSync, readSkopeoSync],
  [isImageMap, readImageMap],
] as const;

function readDocument(document: YamlDocument, draft: SetDraft, context: SetContext): void {
  const { value, place } = document;
  if (Array.isArray(value)) {
    readImages(document, draft, context);
    return;
  }
  if (!isMap(value)) throw place.fail("is no set");
  if (Array.isArray(value["images"]))
    throw place.fail("has a list of images, but not laminate: 1, which says what it is");
  const [, read] = formats.find(([isIt]) => isIt(value)) ?? [];
  if (read === undefined) {
    throw place.fail(
      "is no set that is known: want a map with laminate: 1, a list, NDJSON with image, or a file of skopeo sync, " +
        "regsync, image-syncer or hauler",
    );
  }
  read(document, draft, context);
}

async function readText(source: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of source) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxFileBytes) {
        throw new StorageError("ERR_RESOURCE_EXHAUSTED", `cannot read ${name}: it has more than ${maxFileBytes} bytes`);
      }
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (!(error instanceof TypeError)) throw asStorageError(error, `cannot read set ${name}`);
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${name}: it is not text in UTF-8`, { cause: error });
  }
}
