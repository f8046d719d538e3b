/**
 * Prometheus metrics: what calls were made and how they ended, how long the stages of the work took, and the process's
 * own. Names follow https://prometheus.io/docs/practices/naming/.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { stageChannelName, type StageTiming } from "../base/stages.ts";
import { okStatus, statusNameOf } from "./error-status.ts";
import type { Around } from "./route.ts";

const bucketsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

export interface CallMetrics extends Disposable {
  readonly registry: Registry;
  readonly around: Around;
}

export function createCallMetrics(): CallMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const seconds = new Histogram({
    name: "laminate_grpc_call_seconds",
    help: "Calls that have ended, by how long they took.",
    labelNames: ["service", "method", "code"],
    buckets: bucketsSeconds,
    registers,
  });
  const inFlight = new Gauge({
    name: "laminate_grpc_calls_in_flight",
    help: "Calls under way.",
    labelNames: ["service", "method"],
    registers,
  });
  const stageSeconds = new Histogram({
    name: "laminate_stage_seconds",
    help: "Parts of the work, by how long they took.",
    labelNames: ["stage"],
    buckets: bucketsSeconds,
    registers,
  });
  const onStage = (message: unknown): void => {
    const { stage, durationMs } = message as StageTiming;
    stageSeconds.observe({ stage }, durationMs / 1000);
  };
  subscribe(stageChannelName, onStage);
  return {
    registry,
    around: async ({ service, method }, call) => {
      const end = seconds.startTimer({ service, method });
      inFlight.inc({ service, method });
      try {
        const result = await call();
        end({ code: statusNameOf(okStatus) });
        return result;
      } catch (error) {
        end({ code: statusNameOf(error) });
        throw error;
      } finally {
        inFlight.dec({ service, method });
      }
    },
    [Symbol.dispose]: () => {
      unsubscribe(stageChannelName, onStage);
      registry.clear();
    },
  };
}
