// The import table: which folder of driver/ may import which. Nothing else repeats it.
const table = {
  base: [],
  oci: ["base"],
  wasm: ["base"],
  sys: ["base"],
  metadata: ["base"],
  tar: ["base", "wasm"],
  content: ["base", "oci", "sys"],
  registry: ["base", "oci"],
  mount: ["base", "sys"],
  extract: ["base", "sys", "tar"],
  snapshot: ["base", "oci", "sys", "metadata", "mount", "extract"],
  layer: ["base", "oci", "wasm", "sys", "tar", "content", "extract"],
  diff: ["base", "oci", "wasm", "sys", "tar", "content", "extract", "layer"],
  image: [
    "base",
    "oci",
    "sys",
    "tar",
    "metadata",
    "content",
    "registry",
    "mount",
    "extract",
    "snapshot",
    "layer",
    "diff",
  ],
  copy: ["base", "oci", "sys", "content", "registry", "image"],
  archive: ["base", "oci", "wasm", "sys", "tar", "extract", "layer", "diff"],
  container: ["base", "oci", "sys", "metadata", "mount", "snapshot", "image"],
  differ: ["base", "oci", "sys", "content", "mount", "extract", "snapshot", "layer", "diff"],
  plugin: ["base", "oci", "sys", "mount", "extract", "snapshot", "differ"],
  containerd: ["base", "oci", "content", "registry", "snapshot", "image", "differ", "plugin"],
};
const driver = (folder) => `^driver/${folder}/`;
const folders = Object.entries(table).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `driver/${folder} may import only: ${allowed.join(", ") || "nothing"} (see ARCHITECTURE.md)`,
  severity: "error",
  from: { path: driver(folder) },
  to: { path: "^driver/", pathNot: [folder, ...allowed].map(driver) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...folders,
    {
      name: "cli-enters-by-the-door",
      comment: "cli/ is an ordinary user of the library: driver/index.ts, the quick part of it, and its own files only",
      severity: "error",
      from: { path: "^driver/cli/" },
      to: { path: "^driver/", pathNot: ["^driver/cli/", "^driver/(index|door)\\.ts$"] },
    },
    {
      name: "batch-enters-by-the-door",
      comment: "batch/ works with a store as any user of the library does; pure spec types and errors apart",
      severity: "error",
      from: { path: "^driver/batch/" },
      to: {
        path: "^driver/",
        pathNot: ["batch", "base", "oci", "sys", "metadata"].map(driver).concat([
          "^driver/storage-types\\.ts$",
          "^driver/registry/(registry-client|slots)\\.ts$",
          // A plan reads sources exactly as load and pull will; they know no store.
          driver("image/sources"),
        ]),
      },
    },
    {
      name: "nothing-imports-cli",
      severity: "error",
      from: { path: "^driver/(?!cli/)" },
      to: { path: "^driver/cli/" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "worker-entries-are-threads",
      comment: "*.worker.ts runs on its own thread; import only its types",
      severity: "error",
      from: {},
      to: { path: "\\.worker\\.ts$", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "pure-folders",
      comment: "oci/, tar/ and wasm/'s callers work on bytes in memory; only wasm/ itself may read its module file",
      severity: "error",
      from: { path: "^driver/(oci|tar)/" },
      to: { path: "^(node:)?(fs|child_process|net|http|https|worker_threads)" },
    },
    {
      name: "one-importer-of-piscina",
      severity: "error",
      from: { path: "^driver/", pathNot: "^driver/layer/" },
      to: { path: "piscina" },
    },
    {
      name: "driver-stands-alone",
      severity: "error",
      from: { path: "^driver/" },
      to: { path: "^(test|bench|core-wasm)/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|build)/" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
