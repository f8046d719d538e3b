/**
 * One gRPC server on one unix socket, for whatever services are put into it; health and reflection come along.
 *
 * The socket is this folder's own, so that its mode, its lock and systemd's way of passing one are too; grpc-js gets
 * the connections.
 */
import { once } from "node:events";
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthService } from "./health.ts";
import { reflectionServices } from "./reflection.ts";
import { type Around, methodDefinition, routeHandler } from "./route.ts";
import type { GrpcService } from "./service.ts";
import { hasPassedSocket, listenOnPassedSocket, listenOnPath, type SocketOptions } from "./socket.ts";
import { maxMessageBytes } from "./wire.ts";

export interface ServerOptions {
  readonly services: readonly GrpcService[];
  readonly socket?: SocketOptions;
  readonly around?: Around;
  /** Where systemd's variables are looked for; default: nowhere. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface RunningServer extends AsyncDisposable {
  /** Path of the socket, or "fd 3". */
  readonly address: string;
  /**
   * Takes no more connections, lets calls in flight end for `graceMs` and cancels the rest. Idempotent. Disposing is
   * the same with no grace.
   */
  stop(graceMs: number): Promise<void>;
}

/** @throws {StorageError} as {@link listenOnPath}. */
export async function startServer(address: string, options: ServerOptions): Promise<RunningServer> {
  const { services, around = unobserved, env = {} } = options;
  const health = new HealthService(services.map(({ descriptor }) => descriptor.typeName));
  const all = [...services, health.service, ...reflectionServices([...services, health.service])];
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.enable_channelz": 0,
  });
  for (const service of all) addService(server, service, around);

  const listener = hasPassedSocket(env) ? await listenOnPassedSocket() : await listenOnPath(address, options.socket);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  listener.server.on("connection", (socket) => {
    injector.injectConnection(socket);
  });
  let stopped: Promise<void> | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    const closed = once(listener.server, "close");
    listener.server.close();
    health.stop();
    injector.drain(graceMs);
    await closed;
    injector.destroy();
    server.forceShutdown();
    listener.release();
  };
  return {
    address: listener.address,
    stop: (graceMs) => (stopped ??= stop(graceMs)),
    [Symbol.asyncDispose]: () => (stopped ??= stop(0)),
  };
}

const unobserved: Around = (_info, call) => call();

function addService(server: Server, { routes }: GrpcService, around: Around): void {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const route of routes) {
    definition[route.method.name] = methodDefinition(route);
    implementation[route.method.name] = routeHandler(route, around);
  }
  server.addService(definition, implementation);
}
