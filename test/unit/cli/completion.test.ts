import { describe, expect, it } from "vitest";
import { complete, type KnownNames } from "../../../driver/cli/completion.ts";

const known: KnownNames = {
  containers: () =>
    Promise.resolve([
      { name: "web", isRunning: true },
      { name: "old", isRunning: false },
    ]),
  images: () => Promise.resolve(["debian:12", "node-base:latest"]),
};

async function words(line: string): Promise<readonly string[]> {
  const all = line.split(" ").slice(1);
  const { candidates, files } = await complete(all.slice(0, -1), all.at(-1) ?? "", known);
  return [...candidates.map(({ word }) => word), ...(files ? [":files"] : [])];
}

describe("complete", { timeout: 60_000 }, () => {
  it("knows commands, groups and what is in them, and hides what is for programs", async () => {
    expect(await words("laminate comm")).toEqual(["commit"]);
    expect(await words("laminate im")).toEqual(expect.arrayContaining(["image", "images", "import"]));
    expect(await words("laminate image fl")).toEqual(["flatten"]);
    expect(await words("laminate --backend copy container pr")).toEqual(["prune"]);
    expect(await words("laminate __")).toEqual([]);
    expect(await words("laminate nonsense ")).toEqual([]);
  });

  it("knows the options of a command and the values they choose from", async () => {
    expect(await words("laminate commit --sq")).toEqual(["--squash"]);
    expect(await words("laminate ps -")).toEqual(
      expect.arrayContaining(["-a", "--all", "--format", "--json", "--root"]),
    );
    expect(await words("laminate commit --compression ")).toEqual(["gzip", "zstd", "none"]);
    expect(await words("laminate --backend o")).toEqual([]);
    expect(await words("laminate export -o ")).toEqual([":files"]);
    expect(await words("laminate commit -m ")).toEqual([]);
  });

  it("knows the names that fit an argument", async () => {
    expect(await words("laminate rm ")).toEqual(["web", "old"]);
    expect(await words("laminate rm old w")).toEqual(["web"]);
    expect(await words("laminate exec ")).toEqual(["web"]);
    expect(await words("laminate container start ")).toEqual(["old"]);
    expect(await words("laminate run -it --name x d")).toEqual(["debian:12"]);
    expect(await words("laminate run debian:12 -")).toEqual([]);
    expect(await words("laminate diff node-base:latest ")).toEqual(["web", "old", "debian:12", "node-base:latest"]);
    expect(await words("laminate cp w")).toEqual(["web:", ":files"]);
    expect(await words("laminate cp web:/etc/x ./")).toEqual([":files"]);
    expect(await words("laminate completion z")).toEqual(["zsh"]);
    expect(await words("laminate version x")).toEqual([]);
  });
});
