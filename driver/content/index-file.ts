import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asStorageError, isErrno } from "../base/errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { encodeIndex, parseIndex } from "../oci/image-index.ts";
import { openLocked } from "../sys/lock-file.ts";
import { type Durability, publish } from "./durable.ts";
import type { Ingests } from "./ingest.ts";
import type { Layout } from "./layout.ts";

const pollMs = 10;

/** index.json: what tells other tools which blobs are images and how they are called. */
export class IndexFile {
  readonly #path: string;
  readonly #lockPath: string;
  readonly #ingests: Ingests;
  readonly #durability: Durability;

  constructor(layout: Layout, ingests: Ingests, durability: Durability) {
    this.#path = layout.indexPath;
    this.#lockPath = join(layout.ingestDir, "index.lock");
    this.#ingests = ingests;
    this.#durability = durability;
  }

  /** Writes an empty index unless there is one. */
  async ensure(): Promise<void> {
    await this.#locked(async () => {
      if ((await this.#bytes()) === undefined) await this.#replace([]);
    });
  }

  async read(): Promise<readonly Descriptor[]> {
    const bytes = await this.#bytes();
    return bytes === undefined ? [] : parseIndex(bytes).manifests;
  }

  async write(make: () => readonly Descriptor[] | Promise<readonly Descriptor[]>): Promise<void> {
    await this.#locked(async () => {
      await this.#replace(await make());
    });
  }

  /** Waits without blocking the thread, which may be what the holder is waiting for. */
  async #locked(work: () => Promise<void>): Promise<void> {
    let lock = openLocked(this.#lockPath, { exclusive: true, nonBlocking: true });
    while (lock === undefined) {
      await sleep(pollMs);
      lock = openLocked(this.#lockPath, { exclusive: true, nonBlocking: true });
    }
    try {
      await work();
    } finally {
      lock[Symbol.dispose]();
    }
  }

  async #bytes(): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#path);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw asStorageError(error, `cannot read ${this.#path}`);
    }
  }

  async #replace(manifests: readonly Descriptor[]): Promise<void> {
    try {
      await using ingest = await this.#ingests.start(randomUUID());
      await writeFile(ingest.path, encodeIndex(manifests));
      await publish(ingest.path, this.#path, this.#durability);
    } catch (error) {
      throw asStorageError(error, `cannot write ${this.#path}`);
    }
  }
}
