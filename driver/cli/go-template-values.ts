/** What Go's templates make of values: which count as true, how they are printed, what a field of one is. */
import { UsageError } from "./errors.ts";

/** False are false, 0, "", nil and what has no elements. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Go's fmt prints with %v. */
export function textOf(value: unknown): string {
  if (value === undefined) return "<no value>";
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(textOf).join(" ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, each]) => `${key}:${textOf(each)}`).join(" ")}]`;
  }
  if (typeof value === "bigint") return value.toString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @throws {UsageError} when the value has no such field. */
export function fieldOf(value: unknown, name: string): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "object" && Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name];
  const known = typeof value === "object" ? Object.keys(value).slice(0, 40).join(", ") : "";
  throw new UsageError(`template has no field .${name} here${known === "" ? "" : `; there are ${known}`}`);
}
