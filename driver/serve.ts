/** A store as a daemon: its services on one socket, watched over by logs, metrics and spans. */
import type { Logger } from "./base/logger.ts";
import { logCalls } from "./plugin/call-log.ts";
import { type CallMetrics, createCallMetrics } from "./plugin/call-metrics.ts";
import { traceCalls } from "./plugin/call-spans.ts";
import { serveMetrics } from "./plugin/metrics-server.ts";
import type { Around } from "./plugin/route.ts";
import { startServer } from "./plugin/server.ts";
import { notifyServiceManager } from "./sys/notify.ts";
import type { StoreServices } from "./containerd/services.ts";
import type { ServedStorage, ServeOptions } from "./serve-types.ts";

export async function serveStorage(
  offered: StoreServices,
  address: string,
  { metrics: metricsAddress, socket, env, logger }: ServeOptions & { readonly logger: Logger },
): Promise<ServedStorage> {
  await using scope = new AsyncDisposableStack();
  let metrics: CallMetrics | undefined;
  let boundMetrics: string | null = null;
  if (metricsAddress !== undefined) {
    metrics = scope.use(createCallMetrics());
    boundMetrics = scope.use(await serveMetrics(metrics.registry, metricsAddress)).address;
  }
  const observers = [traceCalls, ...(metrics ? [metrics.around] : []), logCalls(logger)];
  const server = scope.use(
    await startServer(address, {
      services: scope.use(offered).services,
      around: observers.reduce(within),
      ...(socket && { socket }),
      ...(env && { env }),
    }),
  );
  const notify = (state: string): void => {
    const manager = env?.["NOTIFY_SOCKET"];
    if (manager === undefined || manager === "") return;
    try {
      notifyServiceManager(manager, state);
    } catch (error) {
      logger.warn({ error }, "cannot notify the service manager");
    }
  };
  notify("READY=1");
  logger.info({ address: server.address, metrics: boundMetrics }, "serving");
  const open = scope.move();
  return {
    address: server.address,
    metrics: boundMetrics,
    stop: async (graceMs) => {
      notify("STOPPING=1");
      logger.info({ graceMs }, "stopping");
      await server.stop(graceMs);
      await open.disposeAsync();
      logger.info({}, "stopped");
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

function within(outer: Around, inner: Around): Around {
  return (info, call) => outer(info, () => inner(info, call));
}
