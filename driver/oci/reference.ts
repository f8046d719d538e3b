/**
 * Image references as Docker writes them: `[domain/]path[:tag][@digest]`, where a missing domain is docker.io and a
 * path without a slash there is in library/. The grammar is distribution/reference's.
 */
import { type Digest, isDigest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";

export interface Reference {
  /** With its port, if any. */
  readonly domain: string;
  readonly path: string;
  /** "latest" when neither tag nor digest was given. */
  readonly tag?: string;
  readonly digest?: Digest;
  /** As people write it: without docker.io/ and library/. */
  readonly familiar: string;
  /** Whole: docker.io/library/debian:12. Equal references have equal canonical forms. */
  readonly canonical: string;
}

const defaultDomain = "docker.io";
const legacyDefaultDomain = "index.docker.io";
const officialPrefix = "library/";
const maxNameLength = 255;
const maxReferenceLength: number = maxNameLength + 1 + 128 + 1 + 71;

const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const hostLabel = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const domainPattern = new RegExp(`^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]+)?$`);

/** @throws {StorageError} ERR_INVALID_ARGUMENT naming the reference and what is wrong with it. */
export function parseReference(text: string): Reference {
  const fail = (reason: string): StorageError =>
    new StorageError("ERR_INVALID_ARGUMENT", `cannot use reference ${JSON.stringify(text.slice(0, 200))}: ${reason}`);
  if (text === "") throw fail("it is empty");
  if (text.length > maxReferenceLength) throw fail(`it is longer than ${maxReferenceLength} characters`);
  if (/^[0-9a-f]{64}$/.test(text)) throw fail("64 hex digits are an image ID");

  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw fail("after @ comes sha256: and 64 lower-case hex digits");

  const tagged = at < 0 ? text : text.slice(0, at);
  const colon = tagged.indexOf(":", tagged.lastIndexOf("/") + 1);
  const writtenTag = colon < 0 ? undefined : tagged.slice(colon + 1);
  if (writtenTag !== undefined && !tagPattern.test(writtenTag)) {
    throw fail("a tag is up to 128 letters, digits, '_', '.' and '-', not starting with '.' or '-'");
  }
  const [domain, path] = splitDomain(colon < 0 ? tagged : tagged.slice(0, colon));
  if (!domainPattern.test(domain)) throw fail(`${JSON.stringify(domain)} is not a host name`);
  if (path !== path.toLowerCase()) throw fail("a repository name is in lower case");
  if (!pathPattern.test(path)) throw fail(`${JSON.stringify(path)} is not a repository name`);
  if (domain.length + 1 + path.length > maxNameLength)
    throw fail(`its name is longer than ${maxNameLength} characters`);

  const tag = writtenTag ?? (digest === undefined ? "latest" : undefined);
  const suffix = (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
  return {
    domain,
    path,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    familiar: familiarName(domain, path) + suffix,
    canonical: `${domain}/${path}${suffix}`,
  };
}

/** The reference, or undefined where {@link parseReference} would throw. */
export function tryParseReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** The first component is a domain if nothing else can be: it has a dot, a port or capitals, or is localhost. */
function splitDomain(name: string): readonly [domain: string, path: string] {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const hasDomain = slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  const written = hasDomain ? first : defaultDomain;
  const domain = written === legacyDefaultDomain ? defaultDomain : written;
  const rest = hasDomain ? name.slice(slash + 1) : name;
  return [domain, domain === defaultDomain && !rest.includes("/") ? officialPrefix + rest : rest];
}

function familiarName(domain: string, path: string): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const short = path.startsWith(officialPrefix) ? path.slice(officialPrefix.length) : path;
  return short.includes("/") ? path : short;
}
