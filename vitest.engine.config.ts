/** What needs the programs of a newer Debian, which are downloaded once: `npm run test:engine`. */
import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

export default defineConfig({ ...base, test: { ...base.test, include: ["test/engine/**/*.test.ts"], exclude: [] } });
