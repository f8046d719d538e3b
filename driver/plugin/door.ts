/** The library's door to containerd: one snapshotter, served. Loading this loads no gRPC; serving does. */
import type { RunningServer, ServerOptions } from "./server.ts";
import type { ServedSnapshotter } from "./snapshots-service.ts";

/**
 * Serves `snapshotter` to containerd (`[proxy_plugins.NAME] type = "snapshot"`) on a unix socket, with gRPC health and
 * reflection. The snapshotter stays the caller's to close, after the server.
 * @param address path of the socket, or "unix://" and a path
 * @throws {StorageError} ERR_UNAVAILABLE when somebody serves there; ERR_INVALID_ARGUMENT; ERR_ALREADY_EXISTS for a file
 * that is not a socket.
 */
export async function serveSnapshotter(
  snapshotter: ServedSnapshotter,
  address: string,
  options: Omit<ServerOptions, "services"> = {},
): Promise<RunningServer> {
  const [{ startServer }, { snapshotsService }] = await Promise.all([
    import("./server.ts"),
    import("./snapshots-service.ts"),
  ]);
  return startServer(address, { ...options, services: [snapshotsService(snapshotter)] });
}

/** See check-server.ts. */
export async function checkServer(address: string): Promise<void> {
  return (await import("./check-server.ts")).checkServer(address);
}
