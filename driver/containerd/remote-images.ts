/**
 * Remote mode: images that the store fetches itself when containerd is about to unpack a layer of one, all layers of it
 * at once. Whatever stands in the way, containerd is left to do the work as if there were no such mode.
 */
import type { ChainId } from "../base/digest.ts";
import { asStorageError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { sweep } from "../image/remove.ts";
import type { UnpackContext } from "../image/unpack.ts";
import type { WantedLayer } from "../plugin/store-view.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { holdMs } from "../snapshot/lent.ts";
import { type ImageWish, imageWish } from "./image-labels.ts";
import { RemoteImage } from "./remote-image.ts";

export interface RemoteImagesOptions {
  readonly context: UnpackContext;
  /** A new one for each image, so that credentials are read anew. */
  readonly openClient: () => RegistryClient;
  readonly logger: Logger;
}

interface Underway {
  readonly image: RemoteImage;
  waiting: number;
}

const failuresKept = 100;
const leftToContainerd = "containerd is left to fetch and unpack the image";
const noLabels = "it does not say which image a layer is of: see laminate serve --remote --print-config";

export class RemoteImages implements AsyncDisposable {
  readonly #options: RemoteImagesOptions;
  /** By their manifest in their repository. */
  readonly #underway = new Map<string, Underway>();
  readonly #ending = new Set<Promise<void>>();
  /**
   * Images that could not be brought, with the layers that containerd has asked for since: it asks for each once in a
   * pull, from the bottom up, so that one which is asked for again is of another pull, and worth another try.
   */
  readonly #failed = new Map<string, Set<ChainId>>();
  readonly #logged = new WeakSet<Error>();
  #lastUnclear: string | undefined;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(options: RemoteImagesOptions) {
    this.#options = options;
    // What a daemon before this one held and nobody asked for.
    this.#sweepLater();
  }

  /** As StoreViewOptions.bring. */
  async bring(wanted: WantedLayer, signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    const wish = this.#wishOf(wanted);
    if (wish === undefined) return false;
    const key = wish.reference.canonical;
    const asked = this.#failed.get(key);
    if (asked !== undefined && !asked.has(wanted.chainId)) {
      asked.add(wanted.chainId);
      return false;
    }
    try {
      const isBrought = await this.#share(key, wish, (image) => image.bring(wanted, wish, signal));
      // Whoever asks for what an image does not have spoils nothing for others.
      if (isBrought) this.#failed.delete(key);
      else this.#warn({ image: wish.name, reason: notOf(wanted, wish) });
      return isBrought;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      this.#warnOnce(error, wish.name);
      this.#remember(key, wanted.chainId, asked);
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#sweeping);
    for (const { image } of this.#underway.values()) this.#end(image);
    this.#underway.clear();
    await Promise.all(this.#ending);
  }

  #wishOf({ labels, chainId }: WantedLayer): ImageWish | undefined {
    let reason = noLabels;
    try {
      const wish = imageWish(labels);
      if (wish !== undefined) return wish;
    } catch (error) {
      reason = asStorageError(error).message;
    }
    // It is the same for each layer of an image.
    if (reason !== this.#lastUnclear) this.#warn({ chainId, reason });
    this.#lastUnclear = reason;
    return undefined;
  }

  /** One fetch of an image, whoever asks for it meanwhile; it ends when nobody waits any more. */
  async #share<T>(key: string, wish: ImageWish, work: (image: RemoteImage) => Promise<T>): Promise<T> {
    const underway = this.#underway.get(key) ?? { image: this.#begin(wish), waiting: 0 };
    this.#underway.set(key, underway);
    underway.waiting++;
    try {
      return await work(underway.image);
    } finally {
      if (--underway.waiting === 0) {
        if (this.#underway.get(key) === underway) this.#underway.delete(key);
        this.#end(underway.image);
      }
    }
  }

  #begin(wish: ImageWish): RemoteImage {
    const { context, openClient, logger } = this.#options;
    const begun = performance.now();
    return new RemoteImage({
      ...{ context, wish, client: openClient() },
      onHeld: ({ extracted, reused, warnings }) => {
        const seconds = Math.round(performance.now() - begun) / 1000;
        logger.info({ image: wish.name, extracted, reused, seconds, warnings }, "brought the layers of an image");
        this.#sweepLater();
      },
    });
  }

  #end(image: RemoteImage): void {
    const ending = image[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** All who wait for an image get the same error. */
  #warnOnce(error: unknown, image: string): void {
    const known = error instanceof Error ? error : asStorageError(error);
    if (this.#logged.has(known)) return;
    this.#logged.add(known);
    const { code, message } = asStorageError(error);
    this.#warn({ image, code, reason: message });
  }

  #warn(fields: Readonly<Record<string, string>>): void {
    this.#options.logger.warn(fields, leftToContainerd);
  }

  /** `before` is what was known when this try began. */
  #remember(key: string, chainId: ChainId, before: ReadonlySet<ChainId> | undefined): void {
    const known = this.#failed.get(key);
    const asked = known === undefined || known === before ? new Set<ChainId>() : known;
    asked.add(chainId);
    this.#failed.delete(key);
    this.#failed.set(key, asked);
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > failuresKept && oldest !== undefined) this.#failed.delete(oldest);
  }

  /** When what is held now is not held any more, what was not asked for goes. */
  #sweepLater(): void {
    clearTimeout(this.#sweeping);
    this.#sweeping = setTimeout(() => {
      sweep(this.#options.context).catch((error: unknown) => {
        this.#options.logger.warn({ reason: asStorageError(error).message }, "cannot sweep the store");
      });
    }, holdMs + 1000).unref();
  }
}

function notOf({ chainId }: WantedLayer, { layer, reference }: ImageWish): string {
  return `in manifest ${reference.digest ?? ""} no layer ${layer} has the chainID ${chainId} that is asked for, in its place`;
}
