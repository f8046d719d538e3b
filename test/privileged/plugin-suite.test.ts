import { describe } from "vitest";
import { needRoot } from "../need.ts";
import { openServed } from "../suites/open-served.ts";
import { snapshotterSuite } from "../suites/snapshotter-suite.ts";

describe.skipIf(needRoot().missing)("over a socket, through real mounts", () => {
  snapshotterSuite("overlay", (root) => openServed(root, "overlay"));
});
