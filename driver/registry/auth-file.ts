/** Docker's config.json and containers' auth.json: one format (containers-auth.json(5)), read and changed. */
import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, readFile, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { asStorageError, isErrno, StorageError } from "../base/errors.ts";
import type { Credentials, KeptCredentials } from "./identity.ts";

const maxBytes = 4 * 1024 * 1024;

export interface AuthFile {
  readonly path: string;
  /** By the keys that the file has: hosts, URLs, repositories. */
  readonly entries: ReadonlyMap<string, Credentials>;
  /** Names of credential helpers by host. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for all other hosts. */
  readonly store: string | undefined;
}

type Document = Readonly<Record<string, unknown>>;

/** Undefined when there is no such file. @throws {StorageError} for one that cannot be read. */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  const document = await readDocument(path);
  if (document === undefined) return undefined;
  const entries = new Map<string, Credentials>();
  for (const [key, value] of Object.entries(objectOf(document["auths"]))) {
    const found = credentialsFrom(objectOf(value), path, key);
    if (found !== undefined) entries.set(key, found);
  }
  const helpers = Object.entries(objectOf(document["credHelpers"])).filter(
    (pair): pair is [string, string] => typeof pair[1] === "string" && pair[1] !== "",
  );
  const store = document["credsStore"];
  return {
    path,
    entries,
    helpers: new Map(helpers),
    store: typeof store === "string" && store !== "" ? store : undefined,
  };
}

/** What is under `key` becomes `auth`, or goes; all else in the file stays. The file is private, and never half written. */
export async function changeAuthFile(
  path: string,
  key: string,
  credentials: KeptCredentials | undefined,
): Promise<void> {
  const document = (await readDocument(path)) ?? {};
  const { [key]: _former, ...others } = objectOf(document["auths"]);
  const auths = credentials === undefined ? others : { ...others, [key]: entryFor(credentials) };
  try {
    const target = await realpath(path).catch(() => path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const part = `${target}.${randomUUID()}`;
    try {
      {
        await using file = await open(part, "wx", 0o600);
        await file.writeFile(`${JSON.stringify({ ...document, auths }, undefined, "\t")}\n`);
        await file.sync();
      }
      await chmod(part, 0o600);
      await rename(part, target);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  } catch (error) {
    throw asStorageError(error, `cannot write ${path}`);
  }
}

async function readDocument(path: string): Promise<Document | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    // Another user's directory below /run is none of ours.
    if (isErrno(error, "EACCES")) return undefined;
    throw asStorageError(error, `cannot read ${path}`);
  }
  if (text.trim() === "") return {};
  try {
    if (text.length > maxBytes) throw new TypeError("it is too long");
    return objectOf(JSON.parse(text));
  } catch {
    // Without the parser's message: it quotes what may be a password.
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot read credentials in ${path}: it is not JSON`);
  }
}

function objectOf(value: unknown): Document {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Document) : {};
}

function credentialsFrom(entry: Document, path: string, key: string): Credentials | undefined {
  const text = (name: string): string => {
    const value = entry[name];
    return typeof value === "string" ? value : "";
  };
  if (text("registrytoken") !== "") return { kind: "registry-token", token: text("registrytoken") };
  if (text("identitytoken") !== "") return { kind: "identity-token", token: text("identitytoken") };
  if (text("auth") === "") {
    if (text("username") === "") return undefined;
    return { kind: "password", username: text("username"), password: text("password") };
  }
  const decoded = Buffer.from(text("auth"), "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) {
    throw new StorageError(
      "ERR_FAILED_PRECONDITION",
      `cannot use what ${path} has for ${key}: "auth" is not NAME:PASSWORD`,
    );
  }
  // Docker once padded passwords with NUL.
  const password = decoded.slice(colon + 1).replace(/\0+$/, "");
  return { kind: "password", username: decoded.slice(0, colon), password };
}

function entryFor(credentials: KeptCredentials): Document {
  if (credentials.kind === "identity-token") return { identitytoken: credentials.token };
  const { username, password } = credentials;
  return { auth: Buffer.from(`${username}:${password}`).toString("base64") };
}
