/**
 * The one client of a set: each registry spoken to as the set says; what a tag was found to mean stays so until the end;
 * documents are fetched once; bytes of blobs are counted.
 */
import { hash } from "node:crypto";
import type { Descriptor } from "../../oci/descriptor.ts";
import { maxJsonBytes } from "../../oci/json.ts";
import { isConfigType } from "../../oci/media-type.ts";
import type { Reference } from "../../oci/reference.ts";
import { type FetchOptions, RegistryClient, type RegistryOptions } from "../../registry/registry-client.ts";
import type { SetRegistry } from "../image-set.ts";

/** Documents of some thousand images; the oldest are forgotten first. */
const maxKeptBytes = 32 * 1024 * 1024;

type Pinned = Pick<Descriptor, "mediaType" | "digest" | "size">;
type Resolved = Awaited<ReturnType<RegistryClient["resolve"]>>;

export class SetClient extends RegistryClient {
  readonly #byHost = new Map<string, RegistryClient>();
  readonly #pins = new Map<string, Pinned>();
  readonly #documents = new Map<string, Uint8Array>();
  readonly #fetched = new Map<string, number>();
  #keptBytes = 0;

  /** @param registries as the set has them; `options` count for all others, and for what a set does not say. */
  constructor(registries: readonly SetRegistry[], options: RegistryOptions = {}) {
    super(options);
    for (const { host, username, password, verifyTls } of registries) {
      const own = new RegistryClient({
        ...options,
        ...(verifyTls !== undefined && { isTlsVerified: verifyTls }),
        ...(username !== undefined && { credentials: { username, password: password ?? "" } }),
      });
      this.#byHost.set(host, own);
    }
  }

  /** From now on `reference` means this, whatever the registry says meanwhile. */
  pin(reference: Reference, { mediaType, digest, size }: Pinned): void {
    this.#pins.set(reference.canonical, { mediaType, digest, size });
  }

  /** Bytes of a blob that came over the network through this client. */
  fetchedBytes(digest: string): number {
    return this.#fetched.get(digest) ?? 0;
  }

  override async resolve(reference: Reference, options: FetchOptions = {}): Promise<Resolved> {
    const pinned = this.#pins.get(reference.canonical);
    if (pinned === undefined) {
      const resolved = await (this.#at(reference)?.resolve(reference, options) ?? super.resolve(reference, options));
      this.#keep(resolved.descriptor.digest, resolved.bytes);
      return resolved;
    }
    return { descriptor: pinned, bytes: await this.manifest(reference, pinned, options) };
  }

  override head(reference: Reference, options: FetchOptions = {}): Promise<Descriptor> {
    return this.#at(reference)?.head(reference, options) ?? super.head(reference, options);
  }

  override async manifest(reference: Reference, wanted: Descriptor, options: FetchOptions = {}): Promise<Uint8Array> {
    const kept = this.#documents.get(wanted.digest);
    if (kept !== undefined) return kept;
    // By its digest: the tag may mean something else by now.
    const exact = { ...reference, digest: wanted.digest };
    const bytes = await (this.#at(reference)?.manifest(exact, wanted, options) ??
      super.manifest(exact, wanted, options));
    this.#keep(wanted.digest, bytes);
    return bytes;
  }

  override async *blob(
    reference: Reference,
    wanted: Descriptor,
    options: FetchOptions & { readonly fromBytes?: number } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const isDocument = isConfigType(wanted.mediaType) && wanted.size <= maxJsonBytes && (options.fromBytes ?? 0) === 0;
    const kept = isDocument ? this.#documents.get(wanted.digest) : undefined;
    if (kept !== undefined) {
      yield kept;
      return;
    }
    const parts: Uint8Array[] = [];
    const bytes = this.#at(reference)?.blob(reference, wanted, options) ?? super.blob(reference, wanted, options);
    for await (const chunk of bytes) {
      this.#fetched.set(wanted.digest, this.fetchedBytes(wanted.digest) + chunk.length);
      if (isDocument) parts.push(Buffer.from(chunk));
      yield chunk;
    }
    if (!isDocument) return;
    const whole = Buffer.concat(parts);
    if (`sha256:${hash("sha256", whole)}` === wanted.digest) this.#keep(wanted.digest, whole);
  }

  override tags(reference: Reference, options: FetchOptions = {}): Promise<readonly string[]> {
    return this.#at(reference)?.tags(reference, options) ?? super.tags(reference, options);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#byHost.values()].map((client) => client[Symbol.asyncDispose]()));
    await super[Symbol.asyncDispose]();
  }

  #at({ domain }: Reference): RegistryClient | undefined {
    return this.#byHost.get(domain);
  }

  #keep(digest: string, bytes: Uint8Array): void {
    if (this.#documents.has(digest)) return;
    this.#documents.set(digest, bytes);
    this.#keptBytes += bytes.length;
    for (const [oldest, { length }] of this.#documents) {
      if (this.#keptBytes <= maxKeptBytes) break;
      this.#documents.delete(oldest);
      this.#keptBytes -= length;
    }
  }
}
