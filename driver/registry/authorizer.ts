/** What to put into Authorization at one endpoint: remembered for each scope, asked for once however many wait for it. */
import { StorageError } from "../base/errors.ts";
import { parseChallenges } from "./challenge.ts";
import type { Credentials } from "./identity.ts";
import { basicHeader, fetchToken, type Token, type TokenRequest, wrongCredentials } from "./tokens.ts";

export interface AuthorizerOptions {
  readonly host: string;
  readonly credentials: (repository: string) => Promise<Credentials | undefined>;
  readonly send: TokenRequest["send"];
}

export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Undefined while the registry has not asked for any. */
  async headerFor(scope: string): Promise<string | undefined> {
    const token = await this.#tokens.get(scope)?.catch(() => undefined);
    return token !== undefined && token.expiresMs > performance.now() ? token.header : undefined;
  }

  /**
   * Learns what a 401 wants. `refused` is the header that it refused, if any.
   * @throws {StorageError} ERR_UNAUTHENTICATED when there is nothing else to offer.
   */
  async answer(
    challenged: string | readonly string[] | undefined,
    request: {
      readonly scope: string;
      readonly repository: string;
      readonly registry: URL;
      readonly refused?: string | undefined;
    },
  ): Promise<void> {
    const { scope, repository, registry, refused } = request;
    const known = await this.#tokens.get(scope)?.catch(() => undefined);
    // Somebody else has learned it while this request was on its way.
    if (known !== undefined && known.header !== refused && known.expiresMs > performance.now()) return;
    const fresh = this.#learn(challenged, scope, repository, registry, refused);
    this.#tokens.set(scope, fresh);
    fresh.catch(() => {
      if (this.#tokens.get(scope) === fresh) this.#tokens.delete(scope);
    });
    await fresh;
  }

  async #learn(
    challenged: string | readonly string[] | undefined,
    scope: string,
    repository: string,
    registry: URL,
    refused: string | undefined,
  ): Promise<Token> {
    const { host, send } = this.#options;
    const challenges = parseChallenges(challenged);
    const credentials = await this.#credentialsOf(repository);
    if (credentials?.kind === "registry-token") {
      const header = `Bearer ${credentials.token}`;
      if (header === refused) throw wrongCredentials(host);
      return { header, expiresMs: Infinity };
    }
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
    if (bearer !== undefined) return fetchToken({ challenge: bearer, scope, credentials, registry, send });
    if (!challenges.some(({ scheme }) => scheme === "basic")) {
      throw new StorageError("ERR_UNAUTHENTICATED", `cannot log in at ${host}: it offers no way that is known here`);
    }
    if (credentials?.kind !== "password") {
      throw new StorageError(
        "ERR_UNAUTHENTICATED",
        `cannot log in at ${host}: no basic auth credentials; 'laminate login ${host}' makes some`,
        { details: { host, status: 401 } },
      );
    }
    const header = basicHeader(credentials.username, credentials.password);
    if (header === refused) throw wrongCredentials(host);
    return { header, expiresMs: Infinity };
  }

  #credentialsOf(repository: string): Promise<Credentials | undefined> {
    let found = this.#credentials.get(repository);
    if (found === undefined) {
      found = this.#options.credentials(repository);
      this.#credentials.set(repository, found);
    }
    return found;
  }
}
