import { hash } from "node:crypto";
import type { ChainId, DiffId } from "../base/digest.ts";

/**
 * The chainID of every stack of an image, bottom layer first (image-spec config.md, Layer ChainID):
 * ChainID(L0) = DiffID(L0), ChainID(L0..Ln) = sha256(ChainID(L0..Ln-1) + " " + DiffID(Ln)).
 */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  let below: ChainId | undefined;
  for (const diffId of diffIds) {
    below = below === undefined ? diffId : (`sha256:${hash("sha256", `${below} ${diffId}`)}` as ChainId);
    chain.push(below);
  }
  return chain;
}
