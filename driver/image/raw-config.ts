/**
 * Image configs as they were written: what we do not know of stays, value by value. Numbers keep their very digits,
 * which a double could not hold, and maps their keys, "__proto__" among them.
 */
import { parseImageConfig } from "../oci/image-config.ts";

/** A JSON object whose fields were not looked at. */
export interface RawObject {
  readonly [field: string]: unknown;
}

/** Parsed by V8 since 11.4, not yet by TypeScript's library. */
type SourceReviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;
const rawJson = (JSON as unknown as { readonly rawJSON?: (text: string) => unknown }).rawJSON;

/** @throws {StorageError} as {@link parseImageConfig}, which it has passed. */
export function parseRawConfig(bytes: Uint8Array): RawObject {
  parseImageConfig(bytes);
  const exactNumbers: SourceReviver = (_key, value, context) =>
    typeof value === "number" && rawJson !== undefined && context?.source !== undefined
      ? rawJson(context.source)
      : value;
  return JSON.parse(Buffer.from(bytes).toString(), exactNumbers) as RawObject;
}

export function encodeRawConfig(config: RawObject): Uint8Array {
  return Buffer.from(JSON.stringify(config));
}

/** The object at `field`, or an empty one where there is none. */
export function objectAt(config: RawObject, field: string): RawObject {
  const value = config[field];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as RawObject) : {};
}

/** The strings at `field`; none where there is anything else. */
export function stringsAt(config: RawObject, field: string): readonly string[] {
  const value = config[field];
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : [];
}

export function stringAt(config: RawObject, field: string): string {
  const value = config[field];
  return typeof value === "string" ? value : "";
}

/** With `fields` in place of those of the same names; what is undefined goes. */
export function withFields(config: RawObject, fields: RawObject): RawObject {
  const merged: RawObject = { ...config, ...fields };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
}
