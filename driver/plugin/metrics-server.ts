/** `GET /metrics` for Prometheus, on TCP. */
import { createServer } from "node:http";
import { asStorageError, StorageError } from "../base/errors.ts";
import type { Registry } from "prom-client";

export interface MetricsServer extends AsyncDisposable {
  /** "127.0.0.1:9090", with the port that it got. */
  readonly address: string;
}

/**
 * @param address "host:port" or "[host]:port"; port 0 takes a free one
 * @throws {StorageError} ERR_INVALID_ARGUMENT for another form; ERR_UNAVAILABLE or others by errno when it cannot listen.
 */
export async function serveMetrics(registry: Registry, address: string): Promise<MetricsServer> {
  const { host, port } = parseAddress(address);
  const server = createServer((request, response) => {
    if (request.url !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => {
        response.writeHead(200, { "content-type": registry.contentType }).end(text);
      },
      (error: unknown) => {
        response.writeHead(500).end(asStorageError(error).message);
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(asStorageError(error, `cannot serve metrics on ${address}`));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    address: `${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function parseAddress(address: string): { host: string; port: number } {
  const [, inner, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(address) ?? [];
  const host = inner ?? plain;
  const port = Number(digits);
  if (host !== undefined && port <= 65535) return { host, port };
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot serve metrics on ${JSON.stringify(address)}: it is not a host and a port, such as 127.0.0.1:9090`,
  );
}
