/** How a thread answers: errors as data, which would lose their code otherwise. */
import { asStorageError, toWire } from "../base/errors.ts";
import type { Reply } from "./tasks.ts";

export async function replyOf<Result>(what: string, work: () => Promise<Result>): Promise<Reply<Result>> {
  try {
    return { ok: true, layer: await work() };
  } catch (error) {
    return { ok: false, error: toWire(asStorageError(error, `cannot apply ${what}`)) };
  }
}
