/** What a container runtime is to be told about `laminate serve`, version by version. */
export const runtimeNames = ["containerd-1.6", "containerd-1.7", "containerd-2.x", "docker"] as const;

export type RuntimeName = (typeof runtimeNames)[number];

export interface ServedAs {
  readonly address: string;
  readonly root: string;
  /** Clients of containerd are to say which image a layer is of. */
  readonly isRemote: boolean;
}

/** Lines for config.toml, and for Docker what daemon.json needs besides. */
export function runtimeConfig(runtime: RuntimeName, { address, root, isRemote }: ServedAs): readonly string[] {
  switch (runtime) {
    case "containerd-1.6":
      return [
        ...proxyPlugin(2, address),
        "",
        ...kubernetes('[plugins."io.containerd.grpc.v1.cri".containerd]', isRemote),
      ];
    case "containerd-1.7":
      return [
        ...proxyPlugin(2, address),
        ...exportedRoot(root),
        "",
        ...differ(address),
        "",
        ...kubernetes('[plugins."io.containerd.grpc.v1.cri".containerd]', isRemote),
      ];
    case "containerd-2.x":
      return [
        ...proxyPlugin(3, address),
        ...exportedRoot(root),
        ...(isRemote ? transferAnnotations : []),
        "",
        ...differ(address),
        "",
        "# Images that clients pull by the transfer service, such as ctr's.",
        "[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]",
        '  platform = "linux"',
        '  snapshotter = "laminate"',
        '  differ = "laminate-diff"',
        "",
        ...kubernetes("[plugins.'io.containerd.cri.v1.images']", isRemote),
      ];
    case "docker":
      return [
        ...proxyPlugin(2, address),
        "",
        ...differ(address),
        "",
        "# /etc/docker/daemon.json, without this line:",
        '# { "features": { "containerd-snapshotter": true }, "storage-driver": "laminate" }',
      ];
  }
}

function proxyPlugin(version: 2 | 3, address: string): readonly string[] {
  return [
    "# /etc/containerd/config.toml",
    `version = ${version}`,
    "",
    "[proxy_plugins.laminate]",
    '  type = "snapshot"',
    `  address = ${tomlString(address)}`,
  ];
}

function kubernetes(images: string, isRemote: boolean): readonly string[] {
  return [
    "# For Kubernetes; leave this out elsewhere.",
    images,
    '  snapshotter = "laminate"',
    ...(isRemote ? ["  disable_snapshot_annotations = false"] : []),
  ];
}

/** From 2.1 on, for clients that pull by the transfer service. */
const transferAnnotations = ['    enable_remote_snapshot_annotations = "true"'];

/** Since 1.7.4: layers are unpacked and made by laminate's threads; what it does not know goes to containerd's own. */
function differ(address: string): readonly string[] {
  return [
    "# From containerd 1.7.4 on; older ones do not start with these lines.",
    "[proxy_plugins.laminate-diff]",
    '  type = "diff"',
    `  address = ${tomlString(address)}`,
    '[plugins."io.containerd.service.v1.diff-service"]',
    '  default = ["laminate-diff", "walking"]',
  ];
}

/** Tells the kubelet which file system holds the images, so that it can keep it from filling up. */
function exportedRoot(root: string): readonly string[] {
  return ["  [proxy_plugins.laminate.exports]", `    root = ${tomlString(root)}`];
}

/** A basic string of TOML, whose escapes are a superset of JSON's. */
function tomlString(text: string): string {
  return JSON.stringify(text);
}
