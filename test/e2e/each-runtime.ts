import { afterAll, afterEach, beforeAll, describe, type TestOptions } from "vitest";
import { needAll, needPrograms, needRoot } from "../need.ts";
import { LifeStore } from "./life-store.ts";

/** The same tests by runc and by the built-in runner, each with a store of its own; both need `programs`, too. */
export function describeEachRuntime(
  title: string,
  { programs = [], ...options }: TestOptions & { readonly programs?: readonly string[] },
  tests: (store: LifeStore, runtime: "runc" | "chroot") => void,
): void {
  const kinds = [
    { runtime: "runc", needed: ["runc", ...programs] },
    { runtime: "chroot", needed: programs },
  ] as const;
  for (const { runtime, needed } of kinds) {
    const { missing } = needAll(needRoot(), needPrograms(...needed));
    describe.skipIf(missing)(`${title} ${runtime}`, options, () => {
      const store = new LifeStore({ LAMINATE_RUNTIME: runtime });

      beforeAll(async () => {
        await store.load();
      });

      // What one test has left is not for the next one to find.
      afterEach(() => {
        store.removeContainers();
      });

      afterAll(() => {
        store[Symbol.dispose]();
      });

      tests(store, runtime);
    });
  }
}
