import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { command as serve } from "../../../driver/cli/commands/serve.ts";
import { needPrograms } from "../../need.ts";

const contrib = join(import.meta.dirname, "../../../contrib");
const flags = serve.options.map((option) => /--[a-z-]+/.exec(option.flags)?.[0]);

interface Container {
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly startupProbe: { readonly exec: { readonly command: readonly string[] } };
}

describe("contrib", () => {
  it("has a DaemonSet that is YAML, mounts what it names and gives only options that serve has", () => {
    const documents = parseAllDocuments(readFileSync(join(contrib, "kubernetes/laminate.yaml"), "utf8"));
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    const set = documents
      .map((document) => document.toJS() as Record<string, unknown>)
      .find(({ kind }) => kind === "DaemonSet");
    const { spec } = (set as { spec: { template: { spec: unknown } } }).spec.template as {
      spec: { containers: readonly Container[]; volumes: readonly { name: string }[] };
    };
    const [container] = spec.containers;
    expect(container?.volumeMounts.map(({ name }) => name)).toEqual(spec.volumes.map(({ name }) => name));
    const words = [
      ...(container?.command ?? []),
      ...(container?.args ?? []),
      ...(container?.startupProbe.exec.command ?? []),
    ];
    for (const word of words.filter((each) => each.startsWith("--"))) expect(flags).toContain(word.replace(/=.*/, ""));
  });

  it.skipIf(needPrograms("systemd-analyze").missing)("has units that systemd finds nothing wrong with", () => {
    const folder = mkdtempSync(join(tmpdir(), "laminate-test-"));
    try {
      copyFileSync(join(contrib, "systemd/laminate.socket"), join(folder, "laminate.socket"));
      const unit = readFileSync(join(contrib, "systemd/laminate.service"), "utf8");
      const words = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
      for (const word of words.filter((each) => each.startsWith("--"))) expect(flags).toContain(word);
      // The command is there only once the package is installed.
      writeFileSync(join(folder, "laminate.service"), unit.replace("/usr/bin/laminate", "/bin/true"));
      const units = ["laminate.service", "laminate.socket"].map((name) => join(folder, name));
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...units], { encoding: "utf8" });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
