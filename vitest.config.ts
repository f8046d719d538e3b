import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { javascriptDriver, javascriptDriverFiles } from "./test/javascript-driver.ts";
import { TotalsReporter } from "./test/totals-reporter.ts";

export default defineConfig({
  plugins: [javascriptDriver()],
  test: {
    pool: "forks",
    // Half of the time of most tests is waiting for other programs.
    maxWorkers: Math.max(2, availableParallelism()),
    // For a machine that does ten other things at once: nothing here is expected to take long.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    include: ["test/**/*.test.ts"],
    // By npm run test:engine.
    exclude: ["test/engine/**"],
    globalSetup: ["test/javascript-driver.ts"],
    server: { deps: { external: [javascriptDriverFiles] } },
    reporters: ["default", new TotalsReporter()],
  },
});
