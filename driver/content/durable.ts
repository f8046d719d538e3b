/** The last two steps of every write: made durable, then visible. */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** "none" skips the fsyncs: a power cut may then leave visible files empty. */
export type Durability = "full" | "none";

/** Moves a finished file to where readers look, replacing what is there: they see all of it or none, also after a crash. */
export async function publish(from: string, to: string, durability: Durability): Promise<void> {
  if (durability === "full") await sync(from);
  await rename(from, to);
  if (durability === "full") await sync(dirname(to));
}

/** fsync of a file or a directory. */
export async function sync(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}
