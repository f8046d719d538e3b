import { describe } from "vitest";
import { needRoot } from "../need.ts";
import { adoptSuite } from "../suites/adopt-suite.ts";
import { openStore } from "../suites/open-store.ts";
import { snapshotterSuite } from "../suites/snapshotter-suite.ts";

describe.skipIf(needRoot().missing)("through real mounts", () => {
  for (const backend of ["overlay", "copy"] as const) {
    snapshotterSuite(backend, (root) => openStore(root, backend));
    adoptSuite(backend, (root) => openStore(root, backend));
  }
  adoptSuite("overlay, durable", (root) => openStore(root, "overlay", "full"));
});
