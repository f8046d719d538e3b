/** Telling the service manager how a service is: sd_notify(3), one datagram to the socket that it has named. */
import { addon } from "./addon.ts";
import { check } from "./errno.ts";

const AF_UNIX = 1;

/**
 * Sends `state`, lines such as "READY=1", to `socket`: a path, or "@" and the name of an abstract one.
 * @throws {SystemCallError} when nobody listens there.
 */
export function notifyServiceManager(socket: string, state: string): void {
  const path = Buffer.from(socket.startsWith("@") ? `\0${socket.slice(1)}` : socket);
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX;
  check(addon.sendDatagram(Buffer.concat([family, path]), Buffer.from(state)), "sendto", socket);
}
