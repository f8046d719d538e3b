import type { Digest } from "../base/digest.ts";
import type { CallOptions, Channel } from "../plugin/channel.ts";
import { Leases } from "../plugin/gen/containerd/services/leases/v1/leases_pb.ts";

/**
 * A lease keeps what is made under it from containerd's garbage collector. It ends by itself after `lifetimeMs`, so
 * that nobody who is killed keeps anything for ever. Returns its id, for the header "containerd-lease".
 */
export async function createLease(channel: Channel, lifetimeMs: number, options: CallOptions): Promise<string> {
  const id = `laminate-${crypto.randomUUID()}`;
  const expires = new Date(Date.now() + lifetimeMs).toISOString().replace(/\.[0-9]+Z$/, "Z");
  await channel.unary(Leases.method.create, { id, labels: { "containerd.io/gc.expire": expires } }, options);
  return id;
}

/** What only it kept is collected before this returns. */
export async function deleteLease(channel: Channel, id: string, options: CallOptions): Promise<void> {
  await channel.unary(Leases.method.delete, { id, sync: true }, options);
}

/** Keeps a blob, if it is there, for as long as the lease lasts. */
export async function leaseBlob(channel: Channel, id: string, digest: Digest, options: CallOptions): Promise<void> {
  await channel.unary(Leases.method.addResource, { id, resource: { id: digest, type: "content" } }, options);
}
