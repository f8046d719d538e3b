/** A route as grpc-js calls it: bytes to messages, errors to statuses, cancellation to a signal, back pressure kept. */
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import type { EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import type { Message } from "@bufbuild/protobuf";
import { StorageError } from "../base/errors.ts";
import { statusOf } from "./error-status.ts";
import type { CallContext, Route } from "./service.ts";
import { decoder, encoder, methodPath } from "./wire.ts";

export interface CallInfo {
  /** "containerd.services.snapshots.v1.Snapshots" */
  readonly service: string;
  /** "Prepare" */
  readonly method: string;
  readonly context: CallContext;
}

/** Put around each call, such as to count it: runs `call` once and settles as that does. */
export type Around = <T>(info: CallInfo, call: () => Promise<T>) => Promise<T>;

/** What handlers answer with: an initialiser of the method's output. */
type Answer = Record<string, unknown>;

type AnyCall =
  ServerUnaryCall<Message, Answer> | ServerWritableStream<Message, Answer> | ServerDuplexStream<Message, Answer>;

export function methodDefinition({ kind, method }: Route): MethodDefinition<Message, Answer> {
  const [request, response] = [
    { serialize: encoder(method.input), deserialize: decoder(method.input) },
    { serialize: encoder(method.output), deserialize: decoder(method.output) },
  ];
  return {
    path: methodPath(method),
    requestStream: kind === "bidi_streaming",
    responseStream: kind !== "unary",
    requestSerialize: request.serialize,
    requestDeserialize: request.deserialize,
    responseSerialize: response.serialize,
    responseDeserialize: response.deserialize,
  };
}

export function routeHandler(route: Route, around: Around): UntypedHandleCall {
  const infoOf = (context: CallContext): CallInfo => ({
    service: route.method.parent.typeName,
    method: route.method.name,
    context,
  });
  switch (route.kind) {
    case "unary": {
      const { handle } = route;
      const handler: handleUnaryCall<Message, Answer> = (call, answer) => {
        const context = contextOf(call);
        around(infoOf(context), () => handle(call.request, context)).then(
          (response) => {
            answer(null, response);
          },
          (error: unknown) => {
            answer(statusOf(error));
          },
        );
      };
      return handler;
    }
    case "server_streaming": {
      const { handle } = route;
      const handler: handleServerStreamingCall<Message, Answer> = (call) => {
        const context = contextOf(call);
        stream(
          call,
          around(infoOf(context), () => writeAll(call, handle(call.request, context), context)),
        );
      };
      return handler;
    }
    case "bidi_streaming": {
      const { handle } = route;
      const handler: handleBidiStreamingCall<Message, Answer> = (call) => {
        const context = contextOf(call);
        // The stream is answered on after its last request: reading to the end must not destroy it.
        const requests = { [Symbol.asyncIterator]: () => (call as Readable).iterator({ destroyOnReturn: false }) };
        stream(
          call,
          around(infoOf(context), () => writeAll(call, handle(requests, context), context)),
        );
      };
      return handler;
    }
  }
}

type Streaming = ServerWritableStream<Message, Answer> | ServerDuplexStream<Message, Answer>;

function stream(call: Streaming, done: Promise<void>): void {
  done.then(
    () => {
      call.end();
    },
    (error: unknown) => {
      (call as EventEmitter).emit("error", statusOf(error));
    },
  );
}

async function writeAll(call: Streaming, messages: AsyncIterable<Answer>, { signal }: CallContext): Promise<void> {
  for await (const message of messages) {
    signal.throwIfAborted();
    if (!call.write(message)) await drained(call, signal);
  }
}

function drained(call: Streaming, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      call.off("drain", settle);
      signal.removeEventListener("abort", settle);
      if (signal.aborted) reject(canceled());
      else resolve();
    };
    call.on("drain", settle);
    signal.addEventListener("abort", settle);
    if (signal.aborted) settle();
  });
}

function contextOf(call: AnyCall): CallContext {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort(canceled());
  };
  (call as EventEmitter).on("cancelled", abort);
  if (call.cancelled) abort();
  return {
    signal: controller.signal,
    header: (name) => call.metadata.get(name)[0]?.toString(),
  };
}

function canceled(): StorageError {
  return new StorageError("ERR_CANCELED", "cannot go on: the client has cancelled the call or gone away");
}
