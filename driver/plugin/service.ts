/**
 * What plugs into a server: a service as its .proto file describes it, and a function for each of its methods. The
 * server does the rest: bytes, errors, cancellation, flow control.
 */
import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

export interface CallContext {
  /** Aborted when the client cancels or goes away, or its deadline has passed. */
  readonly signal: AbortSignal;
  /** First value of a request header, such as "containerd-namespace". Calls of containerd's own may lack all of them. */
  header(name: string): string | undefined;
}

/** A method's function. What it throws reaches the client by error-status.ts. */
export type Handler<M extends MethodShape> = M["methodKind"] extends "unary"
  ? (request: MessageShape<M["input"]>, context: CallContext) => Promise<MessageInitShape<M["output"]>>
  : M["methodKind"] extends "server_streaming"
    ? (request: MessageShape<M["input"]>, context: CallContext) => AsyncIterable<MessageInitShape<M["output"]>>
    : M["methodKind"] extends "bidi_streaming"
      ? (
          requests: AsyncIterable<MessageShape<M["input"]>>,
          context: CallContext,
        ) => AsyncIterable<MessageInitShape<M["output"]>>
      : never;

type MethodShape = Pick<DescMethod, "input" | "output" | "methodKind">;

interface ServiceShape extends Omit<DescService, "method"> {
  readonly method: Readonly<Record<string, MethodShape & DescMethod>>;
}

export type Handlers<S extends ServiceShape> = { readonly [Name in keyof S["method"]]: Handler<S["method"][Name]> };

/** One method with its function, by the kinds that the server tells apart. */
export type Route =
  | { readonly kind: "unary"; readonly method: DescMethodUnary; readonly handle: Handler<DescMethodUnary> }
  | {
      readonly kind: "server_streaming";
      readonly method: DescMethodServerStreaming;
      readonly handle: Handler<DescMethodServerStreaming>;
    }
  | {
      readonly kind: "bidi_streaming";
      readonly method: DescMethodBiDiStreaming;
      readonly handle: Handler<DescMethodBiDiStreaming>;
    };

export interface GrpcService {
  readonly descriptor: DescService;
  readonly routes: readonly Route[];
}

/** Puts a generated service, such as `Snapshots`, and its functions together. */
export function grpcService<S extends ServiceShape>(service: S, handlers: Handlers<S>): GrpcService {
  const routes = Object.entries(service.method).map(([name, method]): Route => {
    const { methodKind } = method;
    if (methodKind === "client_streaming") throw new TypeError(`${name}: client streaming is not served`);
    // The types of Handlers have checked that kind and function belong together.
    return { kind: methodKind, method, handle: handlers[name] } as unknown as Route;
  });
  return { descriptor: service, routes };
}
