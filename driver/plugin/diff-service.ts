/** containerd's Diff service: its messages, and the differ that does the work. */
import { isDigest } from "../base/digest.ts";
import { StorageError } from "../base/errors.ts";
import type { BlobCall, Differ } from "../differ/differ.ts";
import { mediaTypes } from "../oci/media-type.ts";
import { Diff } from "./gen/containerd/services/diff/v1/diff_pb.ts";
import { type CallContext, type GrpcService, grpcService } from "./service.ts";

/**
 * ERR_UNIMPLEMENTED, which the differ throws for what it does not know, makes containerd ask the next one in its order;
 * Apply and Diff do so separately.
 */
export function diffService(differ: Differ): GrpcService {
  return grpcService(Diff, {
    apply: async ({ diff, mounts, syncFs }, context) => {
      if (diff === undefined) throw new StorageError("ERR_INVALID_ARGUMENT", "cannot apply a layer: none is named");
      const { mediaType, digest, size } = diff;
      if (!isDigest(digest)) {
        throw new StorageError("ERR_UNIMPLEMENTED", `cannot apply layer ${digest}: only sha256 is proven here`);
      }
      const layer = { mediaType, digest, size: Number(size) };
      const { diffId, uncompressedBytes } = await differ.apply({ layer, mounts, syncs: syncFs }, blobCall(context));
      return {
        applied: { mediaType: mediaTypes.ociLayer, digest: diffId, size: BigInt(uncompressedBytes), annotations: {} },
      };
    },
    diff: async ({ left, right, mediaType, ref, labels, sourceDateEpoch }, context) => {
      const request = { left, right, mediaType, ref, labels, sourceDateEpoch: sourceDateEpoch?.seconds ?? null };
      const made = await differ.compare(request, blobCall(context));
      return { diff: { mediaType: made.mediaType, digest: made.digest, size: BigInt(made.size), annotations: {} } };
    },
  });
}

function blobCall(context: CallContext): BlobCall {
  return {
    namespace: context.header("containerd-namespace"),
    lease: context.header("containerd-lease"),
    signal: context.signal,
  };
}
