/**
 * JSON from strangers: bounded bytes in, checked fields out. Nothing is copied that was not asked for by name, keys of
 * maps land in objects without a prototype, and every error says which document and which field.
 */
import { type Digest, isDigest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";

/** Most bytes of a manifest, index or config, as registries and other clients bound them. */
export const maxJsonBytes: number = 4 * 1024 * 1024;

const maxDepth = 64;

/**
 * @param what names the document in errors, such as "manifest sha256:…".
 * @throws {StorageError} ERR_RESOURCE_EXHAUSTED when it is too long; ERR_INVALID_ARGUMENT unless it is UTF-8 and one
 * JSON object, nested at most 64 deep, with nothing after it.
 */
export function parseJsonObject(bytes: Uint8Array, what: string): JsonFields {
  return new JsonFields(parseJson(bytes, what), what, "");
}

/** As {@link parseJsonObject}, for a document that is an array of objects. */
export function parseJsonArray(bytes: Uint8Array, what: string, maxItems: number): readonly JsonFields[] {
  return itemsOf(parseJson(bytes, what), what, "", maxItems).map((item, i) => new JsonFields(item, what, `[${i}]`));
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > maxJsonBytes) {
    throw new StorageError(
      "ERR_RESOURCE_EXHAUSTED",
      `cannot read ${what}: it has ${bytes.length} bytes, more than ${maxJsonBytes}`,
    );
  }
  requireShallow(bytes, what);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: not JSON (${(error as Error).message})`, {
      cause: error,
    });
  }
}

function requireShallow(bytes: Uint8Array, what: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw invalid(what, "", `is nested more than ${maxDepth} deep`);
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
}

function invalid(what: string, path: string, reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot read ${what}: ${path === "" ? "it" : path} ${reason}`);
}

function itemsOf(value: unknown, what: string, path: string, maxItems: number): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(what, path, "is not an array");
  if (value.length > maxItems) throw invalid(what, path, `has ${value.length} items, more than ${maxItems}`);
  return value as readonly unknown[];
}

/** One JSON object, read field by field. `null` counts as absent in the optional forms, as Go writes empty values. */
export class JsonFields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #what: string;
  readonly #path: string;

  constructor(value: unknown, what: string, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalid(what, path, "is not an object");
    }
    this.#object = value as Record<string, unknown>;
    this.#what = what;
    this.#path = path;
  }

  /** The error for this field, to throw: "cannot read <what>: <path of name> <reason>". */
  invalid(name: string, reason: string): StorageError {
    return invalid(this.#what, this.#at(name), reason);
  }

  #at(name: string): string {
    return this.#path === "" || name === "" ? this.#path + name : `${this.#path}.${name}`;
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  has(name: string): boolean {
    return (this.#get(name) ?? undefined) !== undefined;
  }

  /** Rejects a field of another kind of document, in any capitals: some decoders ignore case. */
  forbid(names: readonly string[], reason: string): void {
    for (const key of Object.keys(this.#object)) {
      if (names.includes(key.toLowerCase())) throw this.invalid(key, reason);
    }
  }

  string(name: string, maxLength = 4096): string {
    const value = this.#get(name);
    if (typeof value !== "string") throw this.invalid(name, "is not a string");
    if (value.length > maxLength) throw this.invalid(name, `is longer than ${maxLength} characters`);
    return value;
  }

  optionalString(name: string, maxLength: number = maxJsonBytes): string | undefined {
    return this.has(name) ? this.string(name, maxLength) : undefined;
  }

  optionalBoolean(name: string): boolean | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#get(name);
    if (typeof value !== "boolean") throw this.invalid(name, "is not true or false");
    return value;
  }

  /** A whole number from 0 to 2^53-1. */
  size(name: string): number {
    const value = this.#get(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw this.invalid(name, "is not a whole number from 0 to 2^53-1");
    }
    return value;
  }

  digest(name: string): Digest {
    return this.#digestOf(this.string(name), name);
  }

  #digestOf(text: string, name: string): Digest {
    if (isDigest(text)) return text;
    throw this.invalid(name, `is ${JSON.stringify(text.slice(0, 100))}, not sha256: and 64 lower-case hex digits`);
  }

  object(name: string): JsonFields {
    return new JsonFields(this.#get(name), this.#what, this.#at(name));
  }

  optionalObject(name: string): JsonFields | undefined {
    return this.has(name) ? this.object(name) : undefined;
  }

  objects(name: string, maxItems: number): readonly JsonFields[] {
    const path = this.#at(name);
    return itemsOf(this.#get(name), this.#what, path, maxItems).map(
      (item, i) => new JsonFields(item, this.#what, `${path}[${i}]`),
    );
  }

  optionalStrings(name: string, maxItems = 100_000): readonly string[] | undefined {
    if (!this.has(name)) return undefined;
    return itemsOf(this.#get(name), this.#what, this.#at(name), maxItems).map((item, i) => {
      if (typeof item !== "string") throw this.invalid(`${name}[${i}]`, "is not a string");
      return item;
    });
  }

  optionalDigests(name: string, maxItems: number): readonly Digest[] | undefined {
    return this.optionalStrings(name, maxItems)?.map((text, i) => this.#digestOf(text, `${name}[${i}]`));
  }

  /** A map of strings, without a prototype: "__proto__" is a key like any other. */
  optionalStringMap(name: string): Readonly<Record<string, string>> | undefined {
    const fields = this.optionalObject(name);
    if (fields === undefined) return undefined;
    const map = Object.create(null) as Record<string, string>;
    for (const key of Object.keys(fields.#object)) map[key] = fields.string(key, maxJsonBytes);
    return map;
  }

  /** A set written as a map to empty objects, such as ExposedPorts: its keys. Whatever they map to is ignored. */
  optionalKeySet(name: string): Readonly<Record<string, Record<string, never>>> | undefined {
    const fields = this.optionalObject(name);
    if (fields === undefined) return undefined;
    const map = Object.create(null) as Record<string, Record<string, never>>;
    for (const key of Object.keys(fields.#object)) map[key] = {};
    return map;
  }
}
