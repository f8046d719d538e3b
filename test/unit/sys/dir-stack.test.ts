import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../../driver/sys/constants.ts";
import { DirStack } from "../../../driver/sys/dir-stack.ts";
import { AT_FDCWD, openat, fstat, fstatat } from "../../../driver/sys/linux.ts";
import { makeDeep, openDescriptors } from "./deep-tree.ts";
import { codeOf, useScratch } from "./scratch.ts";

const scratch = useScratch();
const open = (fd: number, name: Buffer | string): number => openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

describe("DirStack", () => {
  it("goes down and up by the same directories when few may be open", () => {
    makeDeep(scratch.fd, "d", 50);
    const before = openDescriptors();
    {
      using stack = new DirStack(open(AT_FDCWD, scratch.path), open, 3);
      const way: string[] = [];
      for (let level = 0; level < 50; level++) {
        way.push(fstat(stack.fd).devIno);
        stack.enter("d");
      }
      expect(openDescriptors()).toBe(before + 4);
      expect([stack.depth, stack.path]).toEqual([50, Array(50).fill("d").join("/")]);
      while (stack.depth > 0) {
        expect(stack.leave()).toBe("d");
        expect(fstat(stack.fd).devIno).toBe(way.pop());
      }
      expect(fstat(stack.fd).devIno).toBe(fstatat(scratch.fd, ".").devIno);
    }
    expect(openDescriptors()).toBe(before);
  });

  it("throws ERR_ABORTED when a directory was moved out from under it", () => {
    makeDeep(scratch.fd, "d", 10);
    mkdirSync(join(scratch.path, "elsewhere"));
    using stack = new DirStack(open(AT_FDCWD, scratch.path), open, 2);
    for (let level = 0; level < 10; level++) stack.enter("d");
    renameSync(join(scratch.path, "d/d/d/d/d"), join(scratch.path, "elsewhere/d"));
    expect(
      codeOf(() => {
        while (stack.depth > 0) stack.leave();
      }),
    ).toBe("ERR_ABORTED");
  });
});
