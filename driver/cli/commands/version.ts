import type { Command } from "../command.ts";
import { packageVersion } from "../version.ts";

export const command: Command = {
  arguments: "",
  options: [],
  examples: ["laminate version", "laminate version --json"],
  hasDocument: true,

  run() {
    const document = { version: packageVersion(), node: process.versions.node, platform: process.platform };
    return Promise.resolve({
      document,
      text: [`laminate version ${document.version}`, `node version ${document.node}`],
    });
  },
};
