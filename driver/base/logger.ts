/** Structured logging, injected; the library never prints. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

function drop(): void {
  // no-op
}

export const noLogger: Logger = { debug: drop, info: drop, warn: drop, error: drop };
