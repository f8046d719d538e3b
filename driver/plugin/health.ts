/** grpc.health.v1: the server as a whole ("") and each of its services serve until the server stops. */
import { on, EventEmitter } from "node:events";
import { StorageError } from "../base/errors.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "./gen/grpc/health/v1/health_pb.ts";
import { type GrpcService, grpcService } from "./service.ts";

export class HealthService {
  readonly service: GrpcService;
  readonly #known: ReadonlySet<string>;
  readonly #changes: EventEmitter = new EventEmitter().setMaxListeners(0);
  #isStopping = false;

  constructor(serviceNames: readonly string[]) {
    this.#known = new Set(["", ...serviceNames]);
    this.service = grpcService(Health, {
      check: ({ service }) => {
        const status = this.#statusOf(service);
        if (status !== undefined) return Promise.resolve({ status });
        throw new StorageError(
          "ERR_NOT_FOUND",
          `cannot check service ${JSON.stringify(service)}: it is not served here`,
        );
      },
      watch: ({ service }, { signal }) => this.#watch(service, signal),
    });
  }

  /** From now on nothing is served; ends every watch. */
  stop(): void {
    this.#isStopping = true;
    this.#changes.emit("stop");
  }

  async *#watch(service: string, signal: AbortSignal): AsyncGenerator<{ status: Serving }, void, undefined> {
    yield { status: this.#statusOf(service) ?? Serving.SERVICE_UNKNOWN };
    if (this.#isStopping) return;
    for await (const _ of on(this.#changes, "stop", { signal })) break;
    yield { status: this.#statusOf(service) ?? Serving.SERVICE_UNKNOWN };
  }

  #statusOf(service: string): Serving | undefined {
    if (!this.#known.has(service)) return undefined;
    return this.#isStopping ? Serving.NOT_SERVING : Serving.SERVING;
  }
}
