/** Annotation keys with a meaning here (image-spec annotations.md, and containerd's own). */
export const annotations = {
  /** In index.json: what users call the image, a tag or a whole reference. */
  refName: "org.opencontainers.image.ref.name",
  /** In index.json: the whole reference, as containerd, Docker and buildkit write it. */
  imageName: "io.containerd.image.name",
  created: "org.opencontainers.image.created",
  /** On an attestation manifest in an index: which manifest it speaks about. */
  attestationFor: "vnd.docker.reference.digest",
  attestationType: "vnd.docker.reference.type",
} as const;
