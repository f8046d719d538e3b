/** The client's side: calls over one connection to a unix socket, typed by the generated services. */
import { Client, type ClientOptions, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { isStorageError, StorageError } from "../base/errors.ts";
import { errorOf } from "./error-status.ts";
import { decoder, encoder, maxMessageBytes, methodPath } from "./wire.ts";

export interface ChannelOptions {
  /** Sent with every call, such as "containerd-namespace" and "containerd-lease". */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Wait for a server that is not there yet, instead of failing with ERR_UNAVAILABLE. */
  readonly waitsForServer?: boolean;
}

/** Both directions of a call; what is read and written is in step with nothing but the protocol in use. */
export interface Duplex<I, O> extends AsyncDisposable {
  /** Resolves when there is room for more. */
  write(message: I): Promise<void>;
  /** Undefined at the end. */
  read(): Promise<O | undefined>;
  /** Nothing more will be written. */
  end(): void;
}

const options: ClientOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.enable_channelz": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 3000,
};

/** Connects when used. Every call fails with the {@link StorageError} of its status. */
export class Channel implements Disposable {
  readonly address: string;
  readonly #client: Client;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param address path of the socket */
  constructor(address: string, { headers = {} }: ChannelOptions = {}) {
    this.address = address;
    this.#client = new Client(`unix:${address}`, credentials.createInsecure(), options);
    this.#headers = headers;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    callOptions: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      const { signal } = callOptions;
      signal?.throwIfAborted();
      const call = this.#client.makeUnaryRequest(
        methodPath(method),
        encoder(method.input),
        decoder(method.output),
        request,
        this.#metadata(callOptions),
        (error, value) => {
          signal?.removeEventListener("abort", abort);
          if (error) reject(signal?.aborted === true ? asError(signal.reason) : translate(error));
          else if (value === undefined)
            reject(new StorageError("ERR_INTERNAL", `cannot read an answer: none was sent`));
          else resolve(value);
        },
      );
      const abort = (): void => {
        call.cancel();
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Stopping early cancels the call. */
  async *serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    callOptions: CallOptions = {},
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const { signal } = callOptions;
    signal?.throwIfAborted();
    const call = this.#client.makeServerStreamRequest(
      methodPath(method),
      encoder(method.input),
      decoder(method.output),
      request,
      this.#metadata(callOptions),
    );
    const abort = (): void => {
      call.cancel();
    };
    // A cancelled call reports that as an error when nobody reads any more.
    call.on("error", () => undefined);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      for await (const message of call) yield message as MessageShape<O>;
    } catch (error) {
      throw signal?.aborted === true ? signal.reason : translate(error);
    } finally {
      signal?.removeEventListener("abort", abort);
      call.cancel();
    }
  }

  /** Disposing cancels what has not ended. */
  duplex<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    callOptions: CallOptions = {},
  ): Duplex<MessageInitShape<I>, MessageShape<O>> {
    const { signal } = callOptions;
    signal?.throwIfAborted();
    const call = this.#client.makeBidiStreamRequest(
      methodPath(method),
      encoder(method.input),
      decoder(method.output),
      this.#metadata(callOptions),
    );
    const abort = (): void => {
      call.cancel();
    };
    // A call that has ended calls nobody back who writes to it later.
    const ended = new Promise<never>((_, reject) => {
      call.on("error", (error) => {
        reject(signal?.aborted === true ? asError(signal.reason) : asError(translate(error)));
      });
    });
    ended.catch(() => undefined);
    signal?.addEventListener("abort", abort, { once: true });
    const answers = (call as AsyncIterable<MessageShape<O>>)[Symbol.asyncIterator]();
    return {
      write: (message) =>
        Promise.race([
          ended,
          new Promise<void>((resolve, reject) => {
            call.write(message, (error?: Error | null) => {
              if (error) reject(asError(translate(error)));
              else resolve();
            });
          }),
        ]),
      read: async () => {
        try {
          const next = await Promise.race([ended, answers.next()]);
          return next.done === true ? undefined : next.value;
        } catch (error) {
          throw signal?.aborted === true ? signal.reason : translate(error);
        }
      },
      end: () => {
        call.end();
      },
      [Symbol.asyncDispose]: () => {
        signal?.removeEventListener("abort", abort);
        call.cancel();
        return Promise.resolve();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #metadata({ headers = {}, waitsForServer = false }: CallOptions): Metadata {
    const metadata = new Metadata({ waitForReady: waitsForServer });
    for (const [name, value] of Object.entries({ ...this.#headers, ...headers })) metadata.set(name, value);
    return metadata;
  }
}

function translate(error: unknown): Error {
  if (isStorageError(error)) return error;
  if (!(error instanceof Error) || !("details" in error)) return asError(error);
  const { code, details } = error as ServiceError;
  return errorOf({ code, details }, error);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new StorageError("ERR_CANCELED", String(reason));
}
