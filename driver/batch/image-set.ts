/** A set of images as the rest of batch sees it, whatever file it came from. */

/** One image, to be had from `source`. */
export interface SetImage {
  /**
   * Where it is: a reference ("debian:12", "registry.example/app@sha256:…"), or the locator of an archive or a layout, as
   * `load` takes it ("oci:DIR:TAG", "docker-archive:FILE").
   */
  readonly source: string;
  /** More names for it in the store; it always has its own. */
  readonly tags: readonly string[];
  /** os/architecture[/variant]; null: the set's, else this machine's. */
  readonly platform: string | null;
}

/** What a set asks of a tag: a regular expression, anchored as its file means it, or a range of versions. */
export interface TagPattern {
  test(tag: string): boolean;
}

/** Images of a repository, to be found by asking the registry for its tags. */
export interface SetRepository {
  /** Without tag: "docker.io/library/debian". */
  readonly repository: string;
  /** A tag is wanted when one of `include` has it, or there is none, and none of `exclude` has it. */
  readonly include: readonly TagPattern[];
  readonly exclude: readonly TagPattern[];
  readonly platform: string | null;
}

/** How a registry named in the set is spoken to, where the set says so. */
export interface SetRegistry {
  /** Host with port. */
  readonly host: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** False: its certificate is not checked, or it is plain HTTP. */
  readonly verifyTls?: boolean | undefined;
}

export interface ImageSet {
  /** The file it was read from, for messages. */
  readonly name: string;
  /** In the order of the file; without doubles. */
  readonly images: readonly SetImage[];
  readonly repositories: readonly SetRepository[];
  readonly registries: readonly SetRegistry[];
  /** What the file says that is not done here, for people. */
  readonly warnings: readonly string[];
}
