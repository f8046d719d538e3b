import { StorageError } from "../../base/errors.ts";

/** Where images are, as a user writes it. */
export type Locator =
  | { readonly kind: "stdin" }
  /** A file or directory that says itself what it is. */
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: LayoutTransport; readonly path: string; readonly name: string | undefined };

/** The transports of skopeo and podman that are files. */
export type LayoutTransport = "oci" | "oci-archive" | "docker-archive";

const transportPattern = /^(oci|oci-archive|docker-archive):([^:]*)(?::(.*))?$/s;

/**
 * `-`, a path, or `TRANSPORT:PATH[:NAME]` where, as for skopeo, PATH ends at the first colon.
 * @throws {StorageError} ERR_INVALID_ARGUMENT
 */
export function parseLocator(text: string): Locator {
  if (text === "-") return { kind: "stdin" };
  const [, kind, path, name] = transportPattern.exec(text) ?? [];
  if (kind !== undefined && path !== "" && path !== undefined && name !== "") {
    return { kind: kind as LayoutTransport, path, name };
  }
  if (kind !== undefined || text === "" || text.includes("\0")) {
    const shown = JSON.stringify(text.slice(0, 200));
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot load ${shown}: want a path, - or ${kind ?? "oci"}:PATH[:NAME]`,
    );
  }
  return { kind: "path", path: text };
}
