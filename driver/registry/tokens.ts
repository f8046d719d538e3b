/**
 * Answers to a registry's challenges: a password as it is, or a token that its token server sells for it (Docker's token
 * authentication; OAuth 2 for identity tokens). A token server is asked over TLS, or over plain HTTP only where the
 * registry itself is, and then only on this machine or at the registry's own host.
 */
import { StorageError } from "../base/errors.ts";
import type { Challenge } from "./challenge.ts";
import type { Credentials } from "./identity.ts";
import type { Answer, Outgoing } from "./exchange.ts";
import { failureOf, readAtMost } from "./failures.ts";
import { isLoopback } from "./hosts.ts";

const maxTokenBytes = 1024 * 1024;
const clientId = "laminate";
const leastLifeSeconds = 60;

export interface Token {
  readonly header: string;
  /** By the clock of performance.now(). */
  readonly expiresMs: number;
}

export interface TokenRequest {
  readonly challenge: Challenge;
  /** "repository:library/debian:pull". */
  readonly scope: string;
  readonly credentials: Credentials | undefined;
  /** Where the challenge came from. */
  readonly registry: URL;
  readonly send: (outgoing: Pick<Outgoing, "url" | "method" | "headers" | "secretHeaders" | "body">) => Promise<Answer>;
}

export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** @throws {StorageError} ERR_UNAUTHENTICATED when the credentials are wrong; ERR_PERMISSION_DENIED for an unsafe realm. */
export async function fetchToken(request: TokenRequest): Promise<Token> {
  const { challenge, scope, credentials, registry, send } = request;
  const realm = realmOf(challenge.parameters.get("realm") ?? "", registry);
  const service = challenge.parameters.get("service");
  const scopes = scopesOf(challenge.parameters.get("scope"), scope);
  const fields: [string, string][] = [...(service === undefined ? [] : [["service", service] as [string, string]])];
  let answer: Answer;
  if (credentials?.kind === "identity-token") {
    const form = new URLSearchParams([
      ["grant_type", "refresh_token"],
      ["client_id", clientId],
      ["refresh_token", credentials.token],
      ...fields,
      ["scope", scopes.join(" ")],
    ]).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    answer = await send({ url: realm, method: "POST", headers, secretHeaders: {}, body: () => Buffer.from(form) });
  } else {
    const url = new URL(realm);
    for (const [name, value] of fields) url.searchParams.append(name, value);
    for (const each of scopes) url.searchParams.append("scope", each);
    url.searchParams.append("client_id", clientId);
    const secretHeaders: Record<string, string> = {};
    if (credentials?.kind === "password") {
      url.searchParams.append("account", credentials.username);
      secretHeaders["authorization"] = basicHeader(credentials.username, credentials.password);
    }
    answer = await send({ url, method: "GET", headers: {}, secretHeaders });
  }
  if (answer.status !== 200) {
    if (answer.status === 401 && credentials !== undefined) {
      await answer.body.dump({ limit: maxTokenBytes });
      throw wrongCredentials(registry.host);
    }
    throw await failureOf(`cannot get a token for ${registry.host}`, answer);
  }
  return tokenFrom(await readAtMost(answer, maxTokenBytes), realm.host);
}

export function wrongCredentials(host: string): StorageError {
  return new StorageError(
    "ERR_UNAUTHENTICATED",
    `cannot log in at ${host}: unauthorized: incorrect username or password, or they have expired`,
    { details: { host, status: 401 } },
  );
}

/** @throws {StorageError} ERR_PERMISSION_DENIED for a URL that credentials may not be sent to. */
export function realmOf(realm: string, registry: URL): URL {
  const url = URL.parse(realm);
  const refuse = (reason: string): StorageError =>
    new StorageError("ERR_PERMISSION_DENIED", `cannot log in at ${registry.host}: its token server ${reason}`);
  if (url === null) throw refuse("is no URL");
  if (url.username !== "" || url.password !== "") throw refuse("is a URL with a password");
  if (url.protocol === "https:") return url;
  if (url.protocol !== "http:") throw refuse(`is at ${url.protocol}`);
  const isAllowed = registry.protocol === "http:" && (isLoopback(url.hostname) || url.hostname === registry.hostname);
  if (!isAllowed) throw refuse(`http://${url.host} is not https`);
  return url;
}

/** What we need, and what the registry says that it needs besides. */
function scopesOf(challenged: string | undefined, wanted: string): readonly string[] {
  const said = (challenged ?? "").split(" ").filter((scope) => /^[\x21-\x7e]{1,1000}$/.test(scope));
  return Array.from(new Set([...(wanted === "" ? [] : wanted.split(" ")), ...said])).slice(0, 20);
}

function tokenFrom(bytes: Uint8Array, host: string): Token {
  const broken = (reason: string): StorageError =>
    new StorageError("ERR_UNAUTHENTICATED", `cannot use the token of ${host}: ${reason}`);
  let document: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    document = JSON.parse(Buffer.from(bytes).toString()) as typeof document;
  } catch {
    throw broken("its answer is not JSON");
  }
  const token = document.token ?? document.access_token;
  if (typeof token !== "string" || !/^[A-Za-z0-9._~+/=-]+$/.test(token)) throw broken("there is none in its answer");
  const life = typeof document.expires_in === "number" ? document.expires_in : leastLifeSeconds;
  // Asked for again a little early, so that it does not run out on the way.
  const seconds = Math.min(Math.max(life, 1), 86_400) * 0.9;
  return { header: `Bearer ${token}`, expiresMs: performance.now() + seconds * 1000 };
}
