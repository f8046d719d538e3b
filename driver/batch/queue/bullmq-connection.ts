/** Redis and BullMQ, which are loaded when a batch is shared among machines, and need not be installed otherwise. */
import { isIP } from "node:net";
import type * as bullmq from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { StorageError } from "../../base/errors.ts";

export interface QueueServer extends AsyncDisposable {
  readonly redis: Redis;
  readonly bullmq: typeof bullmq;
  /** The URL without user and password. */
  readonly shown: string;
}

const longestPauseMs = 2000;
const connectTimeoutMs = 10_000;

/**
 * Connects to `redis://…`, `rediss://…` or the path of a socket. Once it was there, a server that goes away is waited for:
 * commands are sent when it is back.
 * @throws {StorageError} ERR_FAILED_PRECONDITION when BullMQ is not installed; ERR_INVALID_ARGUMENT for the URL;
 * ERR_UNAVAILABLE; ERR_UNAUTHENTICATED.
 */
export async function connectQueueServer(url: string): Promise<QueueServer> {
  const { shown, options } = addressOf(url);
  const { bullmq, Redis } = await loadPackages();
  let isConnected = false;
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    // BullMQ's condition: what it has sent counts, however long the server is away.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (isConnected ? Math.min(100 * times, longestPauseMs) : null),
  });
  let reason = "it does not answer";
  redis.on("error", (error: Error) => {
    reason = error.message;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    const said = error instanceof Error && !/closed/.test(error.message) ? error.message : reason;
    const isRefused = /NOAUTH|WRONGPASS|AUTH/.test(said);
    throw new StorageError(
      isRefused ? "ERR_UNAUTHENTICATED" : "ERR_UNAVAILABLE",
      `cannot use queue ${shown}: ${isRefused ? "user or password is wrong or missing" : said}`,
    );
  }
  isConnected = true;
  return {
    redis,
    bullmq,
    shown,
    [Symbol.asyncDispose]: () => {
      redis.disconnect();
      return Promise.resolve();
    },
  };
}

/** No message holds the URL as it was given: it has the password. */
function addressOf(url: string): { readonly shown: string; readonly options: RedisOptions } {
  if (url.startsWith("/")) return { shown: url, options: { path: url } };
  const parsed = URL.parse(url);
  if (parsed === null || !["redis:", "rediss:"].includes(parsed.protocol)) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      "cannot use queue: want redis://[user:password@]host[:port][/number], rediss://… or the path of a socket",
    );
  }
  const database = parsed.pathname.replace(/^\//, "");
  if (!/^[0-9]{0,4}$/.test(database)) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      "cannot use queue: after host and port comes the number of a database",
    );
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  return {
    shown: `${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/^\/$/, "")}`,
    options: {
      host: host === "" ? "127.0.0.1" : host,
      port: parsed.port === "" ? 6379 : Number(parsed.port),
      db: Number(database),
      ...(parsed.username !== "" && { username: decodeURIComponent(parsed.username) }),
      ...(parsed.password !== "" && { password: decodeURIComponent(parsed.password) }),
      ...(parsed.protocol === "rediss:" && { tls: isIP(host) === 0 ? { servername: host } : {} }),
    },
  };
}

async function loadPackages(): Promise<{ bullmq: typeof bullmq; Redis: typeof Redis }> {
  try {
    const [bullmqModule, ioredis] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq: bullmqModule, Redis: ioredis.Redis };
  } catch (error) {
    throw new StorageError(
      "ERR_FAILED_PRECONDITION",
      "cannot use queue: the packages for it are not installed; npm install bullmq ioredis",
      { cause: error },
    );
  }
}
