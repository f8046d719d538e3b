/**
 * Snapshots: file system states with a parent, in containerd's words and with its failure contract.
 *
 * One key space holds two kinds of identifiers: a *key* refers to an active or view snapshot, a *name* to a committed
 * one. A committed snapshot is immutable and usable as a parent; an unpacked layer's name is its chainID. The backends
 * differ in how a state is kept (an overlay upperdir or a full copy), never in what a caller sees.
 */
import type { LowerLayer, SettledLayer, Usage } from "../extract/staged-layer.ts";
import type { Sql } from "../metadata/database.ts";
import type { Mount } from "../mount/mount.ts";

export type SnapshotKind = "active" | "view" | "committed";

export interface SnapshotInfo {
  /** Key or name. */
  readonly name: string;
  /** "" for none. */
  readonly parent: string;
  readonly kind: SnapshotKind;
  /** Nanoseconds since 1970. */
  readonly createdNs: bigint;
  readonly updatedNs: bigint;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SnapshotOptions {
  readonly labels?: Readonly<Record<string, string>>;
}

export interface CommitSnapshotOptions extends SnapshotOptions {
  /**
   * What the new snapshot stands on. One that was prepared on nothing may be told now, which "overlay" can and "copy"
   * cannot; any other has its parent already, and may only be reminded of it.
   */
  readonly parent?: string;
}

/**
 * Codes below are the contract; test/suites checks them. Every method may also throw ERR_UNAVAILABLE, once disposed of
 * or when other processes keep the database for ten seconds, and ERR_DATA_LOSS for a snapshot whose directory is lost.
 *
 * Several processes may use one store at once. What a method has done when it returns survives a crash of the process,
 * and with durability "full" a power cut; what a crash interrupts leaves nothing that can be seen.
 */
export interface Snapshotter extends AsyncDisposable {
  readonly backend: "overlay" | "copy";

  /** @throws {StorageError} ERR_NOT_FOUND for an unknown key or name. */
  stat(key: string): Promise<SnapshotInfo>;

  /**
   * Replaces labels. `fieldPaths` as in a gRPC field mask: absent or ["labels"] replaces all, "labels.<key>" one (an
   * empty or missing value deletes it).
   * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT for any other field path.
   */
  update(
    info: { name: string; labels: Readonly<Record<string, string>> },
    fieldPaths?: readonly string[],
  ): Promise<SnapshotInfo>;

  /**
   * Own inodes and bytes, without parents: counted now for an active snapshot, which walks its files; recorded for a
   * committed one; nothing for a view. "copy" counts by how much the tree has grown over its parent's, never below
   * zero; an adopted layer's usage is the layer's own with either backend.
   * @throws {StorageError} ERR_NOT_FOUND.
   */
  usage(key: string): Promise<Usage>;

  /** @throws {StorageError} ERR_NOT_FOUND; ERR_FAILED_PRECONDITION for a committed snapshot. */
  mounts(key: string): Promise<readonly Mount[]>;

  /**
   * A writable snapshot on `parent` ("" for an empty one).
   * @throws {StorageError} ERR_ALREADY_EXISTS; ERR_NOT_FOUND for the parent; ERR_INVALID_ARGUMENT if it is not committed.
   */
  prepare(key: string, parent: string, options?: SnapshotOptions): Promise<readonly Mount[]>;

  /** Like prepare, read-only and never committed. */
  view(key: string, parent: string, options?: SnapshotOptions): Promise<readonly Mount[]>;

  /**
   * Turns the active snapshot `key`, which nobody should write to meanwhile, into the committed `name`; labels are those given, not inherited.
   * @throws {StorageError} ERR_NOT_FOUND, for the parent too; ERR_ALREADY_EXISTS for the name; ERR_FAILED_PRECONDITION if
   * not active, and for a parent that is not committed; ERR_INVALID_ARGUMENT for another parent than it has;
   * ERR_UNIMPLEMENTED for a new parent with "copy".
   */
  commit(name: string, key: string, options?: CommitSnapshotOptions): Promise<void>;

  /** @throws {StorageError} ERR_NOT_FOUND; ERR_FAILED_PRECONDITION ("cannot remove … ") while it has children. */
  remove(key: string): Promise<void>;

  /**
   * All snapshots that match one of the filters (all, with none), in no promised order; other calls work meanwhile.
   * Filters are containerd's: `name==x,labels."a.b"~=re`; fields name, parent, kind, labels.*.
   * @throws {StorageError} ERR_INVALID_ARGUMENT for a malformed filter.
   */
  walk(filters?: readonly string[]): AsyncIterable<SnapshotInfo>;

  /** Deletes directories that no snapshot refers to, among them those of removed snapshots. */
  cleanup(): Promise<void>;

  /** A new empty locked staging directory (with `fs/` in it) that a crash cannot leak: cleanup takes unlocked ones. */
  stage(): Promise<StagingDirectory>;

  /**
   * What a layer on top of the committed `name` would see below it, topmost first; [] for "".
   * @throws {StorageError} ERR_NOT_FOUND; ERR_INVALID_ARGUMENT if not committed; ERR_DATA_LOSS when one of their
   * directories is lost.
   */
  lowerLayers(name: string): Promise<readonly LowerLayer[]>;

  /**
   * Makes settled layers visible as committed snapshots, bottom first, in one transaction: writes their deletions in
   * the backend's form, syncs once (with durability "full"), renames, syncs the parent directory, records. A name that
   * exists by then stays as it is and its staging directory is dropped, unless its own directory is lost: that is how
   * a damaged store is repaired. After a failure none is visible, and the staging directories are only fit to be
   * disposed of. `alongside` writes what belongs to them in the same transaction, so that a crash leaves both or none.
   * @throws {StorageError} ERR_NOT_FOUND for the lowest one's parent; ERR_INVALID_ARGUMENT if that is not committed;
   * ERR_FAILED_PRECONDITION when a name belongs to an active snapshot or a view.
   */
  adopt(layers: readonly (AdoptedLayer | AdoptedCapture)[], alongside?: (sql: Sql) => void): Promise<void>;

  /**
   * A copy of an active snapshot's own tree, in the backend's form, sharing blocks where the file system can: what it
   * was at one moment, as long as nobody writes to it meanwhile. Fit to be compared with {@link lowerLayers} of its
   * parent and to be adopted on it.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_FAILED_PRECONDITION if it is not active; ERR_ABORTED when a file was
   * replaced meanwhile.
   */
  capture(key: string): Promise<StagingDirectory>;

  /**
   * Where an active snapshot's own tree is, which {@link capture} copies: to look at, not to write to.
   * @throws {StorageError} ERR_NOT_FOUND; ERR_FAILED_PRECONDITION if it is not active.
   */
  ownTree(key: string): Promise<string>;

  /** Key or name of the snapshot that has its own tree there; undefined for any other directory. */
  ownerOf(tree: string): Promise<string | undefined>;
}

export interface AdoptedLayer {
  /** chainID. */
  readonly name: string;
  /** chainID of the layer below, "" for the lowest. */
  readonly parent: string;
  readonly settled: SettledLayer;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A layer made here, from what {@link Snapshotter.capture} copied. */
export interface AdoptedCapture {
  readonly name: string;
  readonly parent: string;
  readonly captured: { readonly stagingDir: string; readonly usage: Usage };
  readonly labels?: Readonly<Record<string, string>>;
}

export interface StagingDirectory extends AsyncDisposable {
  /** Absolute; holds `fs/`. Disposing deletes it unless it was adopted. */
  readonly path: string;
}
