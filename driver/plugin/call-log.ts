/** A line for each call: at "debug" when it went well or was refused as containerd expects, at "warn" otherwise. */
import { type ErrorCode, asStorageError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Around } from "./route.ts";

/** Refusals that are part of the contract: containerd asks and takes no for an answer. */
const expected: readonly ErrorCode[] = [
  "ERR_NOT_FOUND",
  "ERR_ALREADY_EXISTS",
  "ERR_FAILED_PRECONDITION",
  "ERR_INVALID_ARGUMENT",
  "ERR_CANCELED",
  "ERR_UNIMPLEMENTED",
];

export function logCalls(logger: Logger): Around {
  return async ({ service, method, context }, call) => {
    const startMs = performance.now();
    const fields = (): object => ({
      call: `${service.slice(service.lastIndexOf(".") + 1)}.${method}`,
      namespace: context.header("containerd-namespace"),
      durationMs: Math.round((performance.now() - startMs) * 1000) / 1000,
    });
    try {
      const result = await call();
      logger.debug(fields(), "call");
      return result;
    } catch (error) {
      const { code, message } = asStorageError(error);
      logger[expected.includes(code) ? "debug" : "warn"]({ ...fields(), code, error: message }, "call refused");
      throw error;
    }
  };
}
