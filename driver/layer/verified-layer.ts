import type { VerifiedLayer } from "../extract/staged-layer.ts";
import type { AppliedLayer } from "./tasks.ts";

/**
 * The only mint of {@link VerifiedLayer}. The brand says: size and digests, as far as they were named, of what lies in
 * `stagingDir` were proven by the pass that laid it there.
 */
export function verifiedLayer(applied: AppliedLayer, stagingDir: string): VerifiedLayer {
  const { digest, diffId, notes, usage } = applied;
  return { digest, diffId, notes, usage, stagingDir } as unknown as VerifiedLayer;
}
