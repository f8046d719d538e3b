/** A mount as a value: what snapshotters hand out and runtimes perform. One serialised mount(2) call, as containerd's. */
export interface Mount {
  /** "overlay" or "bind". */
  readonly type: string;
  readonly source: string;
  /** Path below the mount's final place; "" for the place itself. */
  readonly target: string;
  /** fstab-style: "rw", "ro", "rbind", "lowerdir=…" and so on. */
  readonly options: readonly string[];
}
