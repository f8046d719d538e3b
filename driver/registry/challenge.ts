/** WWW-Authenticate (RFC 9110 11.6.1): which schemes a server offers and what it wants for them. */

export interface Challenge {
  /** In lower case: "basic", "bearer". */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const maxLength = 16 * 1024;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const part = new RegExp(`(${token})(?:\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token})))?`, "y");

/** What cannot be read ends the list: a challenge is either whole or not there. */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const text = (typeof header === "string" ? header : (header ?? []).join(", ")).slice(0, maxLength);
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  for (;;) {
    at += /^[\s,]*/.exec(text.slice(at))?.[0].length ?? 0;
    part.lastIndex = at;
    const found = part.exec(text);
    if (found === null) return challenges;
    at = part.lastIndex;
    const [, name = "", quoted, bare] = found;
    const value = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
}
