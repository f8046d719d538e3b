import { constants } from "node:os";
import { StorageError } from "../base/errors.ts";

/** "TERM", "SIGTERM", "sigterm" and "15" are the same. @throws {StorageError} ERR_INVALID_ARGUMENT */
export function parseSignal(text: string): NodeJS.Signals {
  const signals = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  const upper = text.toUpperCase();
  const found = signals.find(([name, number]) => {
    return name === upper || name === `SIG${upper}` || (/^[1-9][0-9]?$/.test(text) && Number(text) === number);
  });
  if (found === undefined) throw new StorageError("ERR_INVALID_ARGUMENT", `cannot send signal ${text}: there is none`);
  return found[0];
}
