import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServedSnapshotter } from "../../../driver/plugin/snapshots-service.ts";
import { storeView } from "../../../driver/plugin/store-view.ts";
import type { Snapshotter } from "../../../driver/snapshot/snapshotter.ts";
import { openStore } from "../../suites/open-store.ts";

const chainId = `sha256:${"a".repeat(64)}`;
const otherChainId = `sha256:${"b".repeat(64)}`;
const container = "c".repeat(64);

describe("storeView", () => {
  let scope: AsyncDisposableStack;
  let store: Snapshotter;
  let view: ServedSnapshotter;

  beforeEach(async () => {
    scope = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    scope.defer(() => rm(folder, { recursive: true, force: true }));
    store = scope.use(await openStore(folder, "copy")).snapshotter;
    view = storeView(store, { whileKept: (work) => work(), sweep: () => Promise.resolve() });
    await store.prepare("extracting", "");
    await store.commit(chainId, "extracting");
    await store.prepare(container, chainId);
  });
  afterEach(async () => {
    await scope.disposeAsync();
  });

  it("lets nobody put a snapshot where a layer, a container or an image's mount of the store would be", async () => {
    const refused = { code: "ERR_INVALID_ARGUMENT", message: expect.stringContaining("the store's own") as string };
    const lent = { labels: { "containerd.io/snapshot.ref": otherChainId } };
    await view.prepare("1/key", "", lent);
    await expect(view.commit(otherChainId, "1/key", lent)).rejects.toMatchObject(refused);
    for (const key of [otherChainId, "d".repeat(64), `mount ${otherChainId}`]) {
      await expect(view.prepare(key, "")).rejects.toMatchObject(refused);
      await expect(view.view(key, "")).rejects.toMatchObject(refused);
    }
    await view.commit("1/name", "1/key");
    expect((await view.stat("1/name")).kind).toBe("committed");
  });

  it("lets nobody build on, or commit, what it hides", async () => {
    const hidden = { code: "ERR_NOT_FOUND" };
    await expect(view.prepare("1/key", chainId)).rejects.toMatchObject(hidden);
    await expect(view.view("1/key", chainId)).rejects.toMatchObject(hidden);
    await expect(view.commit("1/name", container)).rejects.toMatchObject(hidden);
    expect((await store.stat(container)).kind).toBe("active");

    const ask = { labels: { "containerd.io/snapshot.ref": chainId } };
    await expect(view.prepare("1/key", "", ask)).rejects.toMatchObject({ code: "ERR_ALREADY_EXISTS" });
    await view.prepare("1/key", chainId);
    expect((await view.stat("1/key")).parent).toBe(chainId);
  });
});
