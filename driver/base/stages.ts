/**
 * How long the parts of an operation take, for whoever wants to know: each timed part is published on the channel
 * "laminate:stage" of node:diagnostics_channel. Nothing is timed while nobody has subscribed.
 */
import { channel } from "node:diagnostics_channel";

export const stageChannelName = "laminate:stage";

export interface StageTiming {
  /** "<folder>.<part>", such as "snapshot.measure". */
  readonly stage: string;
  readonly durationMs: number;
}

const stages = channel(stageChannelName);

/** Runs `work`, which settles or throws as it likes, as a stage. */
export function stage<T>(name: string, work: () => T): T {
  if (!stages.hasSubscribers) return work();
  const startMs = performance.now();
  const end = (): void => {
    const timing: StageTiming = { stage: name, durationMs: performance.now() - startMs };
    stages.publish(timing);
  };
  let result: T;
  try {
    result = work();
  } catch (error) {
    end();
    throw error;
  }
  if (result instanceof Promise) void result.then(end, end);
  else end();
  return result;
}
