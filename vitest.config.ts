import { defineConfig } from "vitest/config";
import { TotalsReporter } from "./test/totals-reporter.ts";

export default defineConfig({
  test: {
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    include: ["test/**/*.test.ts"],
    reporters: ["default", new TotalsReporter()],
  },
});
