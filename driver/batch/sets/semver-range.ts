/**
 * Ranges of versions as skopeo and regsync write them, ">=1.2, <2 || ~3.1": the rules are those of Masterminds/semver,
 * README "Basic Comparisons" to "Caret Range". Tags that are no versions are never in a range.
 */
import { StorageError } from "../../base/errors.ts";
import type { TagPattern } from "../image-set.ts";

interface Version {
  readonly numbers: readonly [number, number, number];
  readonly prerelease: string;
}

interface Bound {
  readonly operator: string;
  readonly version: Version;
  /** How many of the three numbers were written: 0 for "*". */
  readonly written: number;
}

const part = "(0|[1-9][0-9]{0,14})";
const suffix = "(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?";
const versionPattern = new RegExp(`^v?${part}(?:\\.${part})?(?:\\.${part})?${suffix}$`);
const wild = `(?:${part}|[xX*])`;
const boundPattern = new RegExp(
  `^(=|==|!=|>|<|>=|=>|<=|=<|~|~>|\\^)?\\s*v?${wild}(?:\\.${wild})?(?:\\.${wild})?${suffix}$`,
);

/** @throws {StorageError} ERR_INVALID_ARGUMENT */
export function semverRange(text: string): TagPattern {
  const alternatives = text.split("||").map((alternative) => boundsOf(alternative.trim(), text));
  return {
    test: (tag) => {
      const version = parseVersion(tag);
      return version !== undefined && alternatives.some((bounds) => bounds.every((bound) => isIn(bound, version)));
    },
  };
}

function parseVersion(text: string): Version | undefined {
  const found = versionPattern.exec(text);
  if (found === null) return undefined;
  const [, major, minor, patch, prerelease = ""] = found;
  return { numbers: [Number(major), Number(minor ?? 0), Number(patch ?? 0)], prerelease };
}

function boundsOf(alternative: string, text: string): readonly Bound[] {
  const plain = alternative.replace(/(\S+)\s+-\s+(\S+)/g, ">=$1 <=$2");
  const words = plain.replace(/([=!<>~^]+)\s+/g, "$1").split(/[\s,]+/);
  return words.map((word) => {
    const found = boundPattern.exec(word);
    if (found === null) {
      const shown = JSON.stringify(text.slice(0, 200));
      throw new StorageError("ERR_INVALID_ARGUMENT", `cannot use range of versions ${shown}: want e.g. ">=1.2 <2"`);
    }
    const [, operator = "=", major, minor, patch, prerelease = ""] = found;
    const written = major === undefined ? 0 : minor === undefined ? 1 : patch === undefined ? 2 : 3;
    const numbers = [major, minor, patch].map((digits, index) => (index < written ? Number(digits) : 0));
    const [first = 0, second = 0, third = 0] = numbers;
    return { operator, version: { numbers: [first, second, third], prerelease }, written };
  });
}

function isIn({ operator, version: bound, written }: Bound, version: Version): boolean {
  // A version before a release is in a range only when the range speaks of such.
  if (version.prerelease !== "" && bound.prerelease === "") return false;
  const order = compare(version, bound);
  const sameStart = version.numbers.slice(0, written).every((number, index) => number === bound.numbers[index]);
  switch (operator) {
    case "!=":
      return written < 3 ? !sameStart : order !== 0;
    case ">":
      return written < 3 ? order > 0 && !sameStart : order > 0;
    case "<":
      return order < 0;
    case ">=":
    case "=>":
      return order >= 0;
    case "<=":
    case "=<":
      return order <= 0 || (written < 3 && sameStart);
    case "~":
    case "~>":
      return order >= 0 && sharesStart(version, bound, Math.min(written, 2));
    case "^":
      return order >= 0 && sharesStart(version, bound, caretLength(bound, written));
    default:
      return written < 3 ? sameStart : order === 0;
  }
}

/** Up to the first number that is not 0: what may not change. */
function caretLength({ numbers }: Version, written: number): number {
  const first = numbers.findIndex((number) => number !== 0);
  return Math.min(first < 0 ? Math.max(written, 1) : first + 1, written);
}

function sharesStart(a: Version, b: Version, length: number): boolean {
  return a.numbers.slice(0, length).every((number, index) => number === b.numbers[index]);
}

/** semver.org, section 11. */
function compare(a: Version, b: Version): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] ?? 0;
    if (number !== other) return number - other;
  }
  if (a.prerelease === b.prerelease) return 0;
  if (a.prerelease === "" || b.prerelease === "") return a.prerelease === "" ? 1 : -1;
  const [mine, others] = [a.prerelease.split("."), b.prerelease.split(".")];
  for (const [index, word] of mine.entries()) {
    const other = others[index];
    if (other === undefined) return 1;
    if (word === other) continue;
    const [isNumber, isOtherNumber] = [/^[0-9]+$/.test(word), /^[0-9]+$/.test(other)];
    if (isNumber && isOtherNumber) return Number(word) - Number(other);
    if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
    return word < other ? -1 : 1;
  }
  return -1;
}
