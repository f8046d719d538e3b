/**
 * An OpenTelemetry span for each call, named and attributed as the semantic conventions for RPC say. This uses the API
 * only: without an SDK in the process a span is nothing.
 */
import { type Attributes, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { asStorageError } from "../base/errors.ts";
import { statusOf } from "./error-status.ts";
import type { Around } from "./route.ts";

export const traceCalls: Around = ({ service, method }, call) => {
  const attributes: Attributes = { "rpc.system": "grpc", "rpc.service": service, "rpc.method": method };
  const tracer = trace.getTracer("laminate");
  return tracer.startActiveSpan(`${service}/${method}`, { kind: SpanKind.SERVER, attributes }, async (span) => {
    try {
      const result = await call();
      span.setAttribute("rpc.grpc.status_code", 0);
      return result;
    } catch (error) {
      const { code, details } = statusOf(error);
      span.setAttribute("rpc.grpc.status_code", code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: details });
      span.recordException(asStorageError(error));
      throw error;
    } finally {
      span.end();
    }
  });
};
