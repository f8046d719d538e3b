/**
 * Regular expressions of set files. Those of Go's regexp that JavaScript reads otherwise, or not, are refused instead of
 * being misread. They are the user's own and run on tags of at most 128 characters: nothing guards against one that
 * backtracks for ever.
 */
import { StorageError } from "../../base/errors.ts";

/** Letters and digits that mean the same after a backslash in both. */
const sameEscapes = /[dDwWsSbBnrtfvx0-9]/;

/** As skopeo and image-syncer search a tag: anywhere in it. @throws {StorageError} ERR_INVALID_ARGUMENT */
export function anywhere(expression: string): RegExp {
  const [, flags = "", rest = expression] = /^\(\?([is]+)\)(.*)$/s.exec(expression) ?? [];
  const fail = (reason: string): StorageError =>
    new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot use regular expression ${JSON.stringify(expression.slice(0, 200))}: ${reason}`,
    );
  if (expression.length > 4096) throw fail("it is longer than 4096 characters");
  for (const [shown, escaped = ""] of rest.matchAll(/\\(.)/gs)) {
    if (/[A-Za-z0-9]/.test(escaped) && !sameEscapes.test(escaped)) throw fail(`${shown} is not known here`);
  }
  if (rest.includes("[[:")) throw fail("classes such as [[:alpha:]] are not known here");
  if (/\(\?P?</.test(rest) || /\(\?[imsU-]+[):]/.test(rest))
    throw fail("groups with names or flags are not known here");
  try {
    return new RegExp(rest, [...new Set(flags)].join(""));
  } catch (error) {
    throw fail((error as Error).message.replace(/^Invalid regular expression: .*: /s, ""));
  }
}

/** As regsync and our own sets do: the whole tag. @throws as {@link anywhere}. */
export function whole(expression: string): RegExp {
  const { source, flags } = anywhere(expression);
  return new RegExp(`^(?:${source})$`, flags);
}
