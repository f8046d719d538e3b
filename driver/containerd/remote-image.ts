/** One image on its way into the store because containerd is about to unpack it, for all who wait for it. */
import { StorageError } from "../base/errors.ts";
import { type HeldLayers, holdLayers } from "../image/hold-layers.ts";
import { layersOf } from "../image/load.ts";
import { openRegistrySource } from "../image/sources/registry-source.ts";
import type { SourceImage } from "../image/sources/image-source.ts";
import type { LayerToUnpack, UnpackContext } from "../image/unpack.ts";
import type { WantedLayer } from "../plugin/store-view.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { ImageWish } from "./image-labels.ts";

interface Documents {
  readonly image: SourceImage;
  readonly layers: readonly LayerToUnpack[];
}

export interface RemoteImageOptions {
  readonly context: UnpackContext;
  /** Disposed of at the end. */
  readonly client: RegistryClient;
  readonly wish: ImageWish;
  readonly onHeld: (held: HeldLayers) => void;
}

/** Nothing but documents is fetched before a layer is asked for that is proven to be one of the image's. */
export class RemoteImage implements AsyncDisposable {
  readonly #options: RemoteImageOptions;
  readonly #givenUp = new AbortController();
  readonly #documents: Promise<Documents>;
  #layers: Promise<void> | undefined;

  constructor(options: RemoteImageOptions) {
    this.#options = options;
    this.#documents = this.#fetchDocuments();
    this.#documents.catch(() => undefined);
  }

  /**
   * True when all layers are held. False when the image has no such layer in this place: nothing is fetched for that.
   * @throws {StorageError} as openRegistrySource and holdLayers; the signal's reason.
   */
  bring(wanted: WantedLayer, wish: ImageWish, signal: AbortSignal | undefined): Promise<boolean> {
    return unlessAborted(this.#bring(wanted, wish), signal);
  }

  async #bring({ chainId, parent }: WantedLayer, wish: ImageWish): Promise<boolean> {
    const { layers } = await this.#documents;
    const at = layers.findIndex((layer) => layer.chainId === chainId);
    const below = at === 0 ? "" : layers[at - 1]?.chainId;
    if (layers[at]?.source.descriptor.digest !== wish.layer || below !== parent) return false;
    await (this.#layers ??= this.#hold());
    return true;
  }

  async #fetchDocuments(): Promise<Documents> {
    const { client, wish, context } = this.#options;
    const { content } = context;
    await using source = await openRegistrySource(client, wish.reference, { content, signal: this.#givenUp.signal });
    const [image] = source.images;
    if (image === undefined) throw new TypeError("a reference names one image");
    return { image, layers: layersOf(image) };
  }

  async #hold(): Promise<void> {
    const { image } = await this.#documents;
    const { context, wish, onHeld } = this.#options;
    const named = { ...image, names: [wish.reference.canonical] };
    onHeld(await holdLayers(context, named, { signal: this.#givenUp.signal }));
  }

  /** Gives up what is not done, and waits until all is put away. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#givenUp.abort(new StorageError("ERR_CANCELED", "cannot go on: nobody waits for the image any more"));
    await Promise.allSettled([this.#documents, this.#layers]);
    await this.#options.client[Symbol.asyncDispose]();
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    reject(signal.reason as Error);
  };
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}
