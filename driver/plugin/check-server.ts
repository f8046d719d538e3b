import { StorageError } from "../base/errors.ts";
import { Channel } from "./channel.ts";
import { Health, HealthCheckResponse_ServingStatus } from "./gen/grpc/health/v1/health_pb.ts";

const patienceMs = 5000;

/**
 * Asks a server on a unix socket for its health, as grpc.health.v1 has it.
 * @throws {StorageError} ERR_UNAVAILABLE when nobody answers within five seconds, or says to be stopping.
 */
export async function checkServer(address: string): Promise<void> {
  using channel = new Channel(address.replace(/^unix:\/\//, ""));
  const signal = AbortSignal.timeout(patienceMs);
  try {
    const { status } = await channel.unary(Health.method.check, { service: "" }, { signal });
    if (status === HealthCheckResponse_ServingStatus.SERVING) return;
  } catch (error) {
    throw new StorageError("ERR_UNAVAILABLE", `cannot reach ${address}: nobody serves there`, { cause: error });
  }
  throw new StorageError("ERR_UNAVAILABLE", `cannot use ${address}: it is being stopped`);
}
