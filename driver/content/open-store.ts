import type { ContentStore, Durability } from "./content-store.ts";

export interface OpenContentOptions {
  readonly root: string;
  readonly durability: Durability;
}

export function openContentStore(options: OpenContentOptions): Promise<ContentStore> {
  void options;
  throw new TypeError("not yet");
}
