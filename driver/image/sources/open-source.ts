import type { ImageSource } from "./image-source.ts";

export interface OpenSourceOptions {
  /** `os/architecture[/variant]`. Unless given, the host's is preferred where there is a choice. */
  readonly platform?: string;
  /** Directory for what must be spooled: archives that are compressed or come through a pipe. */
  readonly spoolDir: string;
  readonly signal?: AbortSignal;
}

export function openImageSource(locator: string, options: OpenSourceOptions): Promise<ImageSource> {
  void locator;
  void options;
  throw new TypeError("not yet");
}
