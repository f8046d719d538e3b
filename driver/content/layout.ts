import { existsSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, encodedOf } from "../base/digest.ts";
import { isErrno } from "../base/errors.ts";
import { type Durability, sync } from "./durable.ts";

/** Where things are below the root. */
export class Layout {
  readonly root: string;
  readonly blobsDir: string;
  readonly ingestDir: string;
  readonly indexPath: string;
  readonly versionPath: string;

  constructor(root: string) {
    this.root = root;
    this.blobsDir = join(root, "blobs", "sha256");
    this.ingestDir = join(root, "ingest");
    this.indexPath = join(root, "index.json");
    this.versionPath = join(root, "oci-layout");
  }

  blobPath(digest: Digest): string {
    return join(this.blobsDir, encodedOf(digest));
  }

  /** Makes the directories that are missing, private whatever the umask. Two processes may do so at once. */
  async makeDirectories(durability: Durability): Promise<void> {
    const blobs = join(this.root, "blobs");
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    await chmod(this.root, 0o700);
    for (const dir of [blobs, this.blobsDir, this.ingestDir]) await makeDirectory(dir);
    // That file is written when they are: with it, they have been synced.
    if (!existsSync(this.versionPath) && durability === "full") for (const dir of [blobs, this.root]) await sync(dir);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
    await chmod(path, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
