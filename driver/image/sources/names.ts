/**
 * How images of an OCI layout are called. Docker, podman, buildkit and containerd write whole references; skopeo and
 * umoci write bare tags, and then the directory is the repository, as it is in `oci:debian:12`. A bare tag in an
 * archive gives no name: the archive's file name says too little.
 */
import { annotations } from "../../oci/annotations.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { tryParseReference } from "../../oci/reference.ts";

export interface EntryName {
  /** Equal for entries that are the same image for different platforms; undefined for an entry without any name. */
  readonly key: string | undefined;
  /** Canonical reference, if there is enough to make one. */
  readonly reference: string | undefined;
}

/** @param baseName repository for bare tags, if there is one. */
export function nameOfEntry(entry: Descriptor, baseName: string | undefined): EntryName {
  const imageName = entry.annotations?.[annotations.imageName] ?? "";
  const refName = entry.annotations?.[annotations.refName] ?? "";
  const whole = tryParseReference(imageName) ?? (/[/:@]/.test(refName) ? tryParseReference(refName) : undefined);
  if (whole !== undefined) return { key: whole.canonical, reference: whole.canonical };
  if (refName === "") return { key: imageName === "" ? undefined : imageName, reference: undefined };
  const joined = baseName === undefined ? undefined : tryParseReference(`${baseName}:${refName}`);
  return { key: refName, reference: joined?.canonical };
}

/** True when a user who asks for `wanted`, a tag or a reference, means this entry. */
export function isCalled(entry: Descriptor, wanted: string): boolean {
  const imageName = entry.annotations?.[annotations.imageName];
  const refName = entry.annotations?.[annotations.refName];
  if (refName === wanted || imageName === wanted) return true;
  if (!/[/:@]/.test(wanted)) return false;
  const canonical = tryParseReference(wanted)?.canonical;
  return canonical !== undefined && nameOfEntry(entry, undefined).reference === canonical;
}
