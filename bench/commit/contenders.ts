/** podman and laminate, each with a store of its own on the same file system. */
import { join } from "node:path";

const project = join(import.meta.dirname, "..", "..");

export interface Contender {
  readonly name: string;
  /** Loads the base image from an OCI archive. */
  load(archive: string): readonly string[];
  /** Prints the ID of the only image. */
  readonly images: readonly string[];
  create(container: string, image: string): readonly string[];
  /** Prints where the container's files are. */
  mount(container: string): readonly string[];
  unmount(container: string): readonly string[];
  commit(container: string, image: string): readonly string[];
}

export function podman(folder: string): Contender {
  const podman = ["podman", "--root", join(folder, "podman"), "--runroot", join(folder, "podman-run")];
  return {
    name: "podman commit",
    load: (archive) => [...podman, "load", "--input", archive],
    images: [...podman, "images", "--quiet"],
    create: (container, image) => [...podman, "create", "--name", container, "--network", "none", image],
    mount: (container) => [...podman, "mount", container],
    unmount: (container) => [...podman, "unmount", container],
    commit: (container, image) => [...podman, "commit", "--quiet", container, image],
  };
}

export function laminate(folder: string, compression: string): Contender {
  const laminate = [
    ...[process.execPath, "--disable-warning=ExperimentalWarning", join(project, "dist/cli/main.js")],
    ...["--root", join(folder, "laminate"), "--state", join(folder, "laminate-state")],
  ];
  return {
    name: `laminate commit --compression ${compression}`,
    load: (archive) => [...laminate, "load", "--input", archive],
    images: [...laminate, "images", "--quiet"],
    create: (container, image) => [...laminate, "create", "--name", container, image],
    mount: (container) => [...laminate, "mount", container],
    unmount: (container) => [...laminate, "unmount", container],
    commit: (container, image) => [...laminate, "commit", "--quiet", "--compression", compression, container, image],
  };
}
