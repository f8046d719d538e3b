/** Random changes of a container, by the public door: what is committed, saved and loaded elsewhere is what it showed. */
import { createWriteStream, mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Storage } from "../../driver/index.ts";
import { buildOciArchive } from "../fixtures/image-builder.ts";
import { backends, openTestStore, type TestStore } from "../fixtures/stores.ts";
import { needRoot } from "../need.ts";
import { age, furnish, furnishAttributes, linesOf, pack, play, Scene, type Step, steps } from "./diff-scene.ts";

const rounds = Number(process.env["LAMINATE_TEST_ROUNDS"] ?? 2);
const seed = process.env["LAMINATE_DIFF_SEED"];

/** After the times of all files: none is clamped, and images are the same whenever they are made. */
const sourceDateEpoch = 4_000_000_000n;

/** What an image is made of, what a container of it does, and what one of the next image does. */
const lives = fc.tuple(
  fc.array(steps, { maxLength: 20 }),
  fc.array(steps, { minLength: 1, maxLength: 40 }),
  fc.array(steps, { minLength: 1, maxLength: 40 }),
);

interface Lines {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

async function loadBase(store: TestStore, history: readonly Step[], tag: string): Promise<void> {
  using scene = new Scene();
  const base = scene.make("base");
  play(base, [furnish, furnishAttributes, ...history]);
  age(base);
  const { tar } = await pack({ type: "trees", lowerDir: null, upperDir: base });
  const archive = join(store.folder, "base.tar");
  await writeFile(archive, await buildOciArchive([{ names: [`docker.io/library/base:${tag}`], layers: [{ tar }] }]));
  await store.storage.load(archive);
}

/** Whatever is at random, each layer has ACLs and capabilities. */
function furnishAside(root: string): void {
  const aside = join(root, "aside");
  mkdirSync(aside, { recursive: true });
  furnish(aside);
  furnishAttributes(aside);
}

async function inContainer<T>(
  { containers }: Storage,
  image: string,
  use: (id: string, root: string) => Promise<T>,
): Promise<T> {
  const { id } = await containers.create({ image, command: ["any"] });
  try {
    return await use(id, await containers.mount(id));
  } finally {
    await containers.remove(id, { force: true });
  }
}

async function shownBy(storage: Storage, image: string): Promise<string[]> {
  const root = await storage.mountImage(image);
  try {
    return linesOf(root);
  } finally {
    await storage.unmountImage(image);
  }
}

const need = needRoot();
const elsewhere: TestStore[] = [];
let count = 0;

beforeAll(async () => {
  if (need.missing) return;
  for (const backend of backends) elsewhere.push(await openTestStore({ backend }));
});

afterAll(async () => {
  for (const each of elsewhere) await each[Symbol.asyncDispose]();
});

describe.skipIf(need.missing).each(backends)("commit of random changes on %s", (backend) => {
  let store: TestStore;

  beforeAll(async () => {
    store = await openTestStore({ backend });
  });

  afterAll(async () => {
    await store[Symbol.asyncDispose]();
  });

  /** Changes a container of `image` and commits it, twice, to `reference`. */
  async function commitChanges(image: string, changes: readonly Step[], reference: string): Promise<Lines> {
    const { storage } = store;
    return inContainer(storage, image, async (id, root) => {
      const before = linesOf(root);
      play(root, [furnishAside, ...changes]);
      const after = linesOf(root);
      const first = await storage.commit(id, { reference, sourceDateEpoch });
      expect(await storage.commit(id, { reference, sourceDateEpoch })).toEqual(first);
      expect(linesOf(root)).toEqual(after);
      return { before, after };
    });
  }

  async function expectEmptyCommit(image: string, lines: readonly string[]): Promise<void> {
    const { storage } = store;
    await inContainer(storage, image, async (id, root) => {
      expect(linesOf(root)).toEqual(lines);
      const { id: same, hasNewLayer } = await storage.commit(id, { message: "nothing" });
      expect(hasNewLayer).toBe(false);
      const { layers } = await storage.images.get(image);
      expect((await storage.images.get(same)).layers.map(({ diffId }) => diffId)).toEqual(
        layers.map(({ diffId }) => diffId),
      );
      const [newest, ...older] = await storage.images.history(same);
      expect(newest).toMatchObject({ comment: "nothing", sizeBytes: 0, layer: null });
      expect(older).toHaveLength((await storage.images.history(image)).length);
    });
  }

  async function expectElsewhere(image: string, lines: readonly string[]): Promise<void> {
    const layout = join(store.folder, image.replace(":", "-"));
    const archive = `${layout}.tar`;
    await store.storage.save([image], createWriteStream(archive), { format: "oci-archive" });
    await store.storage.save([image], layout, { format: "oci-dir" });
    const { id } = await store.storage.images.get(image);
    for (const [index, { storage }] of elsewhere.entries()) {
      const locator = (index + count) % 2 === 0 ? `oci-archive:${archive}` : `oci:${layout}`;
      const [loaded] = await storage.load(locator);
      expect(loaded).toMatchObject({ id, warnings: [] });
      expect(await shownBy(storage, image), `${locator} on ${backends[index] ?? ""}`).toEqual(lines);
    }
  }

  it("makes an image that shows the same, here and elsewhere", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(lives, async ([first, second, third]) => {
        const tag = `${++count}`;
        await loadBase(store, first, tag);
        const made = await commitChanges(`base:${tag}`, [...second, age], `made:${tag}`);
        const madeAgain = await commitChanges(`made:${tag}`, third, `again:${tag}`);
        expect(madeAgain.before).toEqual(made.after);
        await expectEmptyCommit(`again:${tag}`, madeAgain.after);
        await expectElsewhere(`again:${tag}`, madeAgain.after);
      }),
      // Told the seed of a failure, it looks for the fewest changes that fail.
      { numRuns: rounds, ...(seed === undefined ? { endOnFailure: true } : { seed: Number(seed) }) },
    );
  });
});
