import { connect } from "node:tls";
import { isNotTls } from "./failures.ts";

const timeoutMs = 10_000;

/**
 * Whether TLS is spoken at a host of this machine. Nothing is sent and nobody trusted: it spares those who speak plain HTTP
 * the authorities of the whole system.
 * @throws the connection's error.
 */
export function speaksTls({ hostname, port }: URL, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 443 : Number(port),
      rejectUnauthorized: false,
      ca: [],
      ...(signal && { signal }),
    });
    socket.setTimeout(timeoutMs, () => {
      socket.destroy(Object.assign(new Error("it does not answer"), { code: "ETIMEDOUT" }));
    });
    socket.once("secureConnect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (isNotTls(error)) resolve(false);
      // It complains in TLS, as of a certificate that it wants to see.
      else if (error.code?.startsWith("ERR_SSL_") === true) resolve(true);
      else reject(error);
    });
  });
}
