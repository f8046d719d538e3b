import { describe, expect, it } from "vitest";
import type { CreateOptions } from "../../../driver/container/container.ts";
import { defaultPath, processConfig } from "../../../driver/container/process-config.ts";
import type { ContainerConfig } from "../../../driver/oci/image-config.ts";

const image: ContainerConfig = {
  Entrypoint: ["entry", "-v"],
  Cmd: ["default"],
  Env: ["PATH=/opt", "A=image", "B=image"],
  User: "ann",
  WorkingDir: "app//x/",
};

function configOf(options: Omit<CreateOptions, "image">, from: ContainerConfig = image) {
  return processConfig(from, { image: "test", ...options }, "0123456789ab");
}

describe("processConfig", () => {
  it.each([
    [{}, ["entry", "-v"], ["default"]],
    [{ command: [] }, ["entry", "-v"], ["default"]],
    [{ command: ["a", "b"] }, ["entry", "-v"], ["a", "b"]],
    [{ entrypoint: ["other"] }, ["other"], []],
    [{ entrypoint: ["other"], command: ["a"] }, ["other"], ["a"]],
    [{ entrypoint: [], command: ["entry", "-v"] }, [], ["entry", "-v"]],
  ])("processConfig with %j runs %j and gives it %j", (options, entrypoint, command) => {
    const { args, entrypointArgs } = configOf(options);
    expect([args.slice(0, entrypointArgs), args.slice(entrypointArgs)]).toEqual([entrypoint, command]);
  });

  it("processConfig refuses to run nothing", () => {
    expect(() => configOf({ entrypoint: [] })).toThrow(/no command was given/);
    expect(() => configOf({}, {})).toThrow(/no command was given/);
    expect(() => configOf({ command: [""] }, {})).toThrow(/its command is empty/);
  });

  it("processConfig lets given variables replace the image's, in place, and names alone remove them", () => {
    expect(configOf({ env: ["B=given", "C=x=y", "A", "D="] }).env).toEqual([
      "PATH=/opt",
      "HOSTNAME=0123456789ab",
      "B=given",
      "C=x=y",
      "D=",
    ]);
  });

  it("processConfig gives PATH a default, and TERM with a terminal", () => {
    expect(configOf({ command: ["x"], tty: true, hostname: "box" }, {}).env).toEqual([
      `PATH=${defaultPath}`,
      "HOSTNAME=box",
      "TERM=xterm",
    ]);
    expect(configOf({ command: ["x"] }, {}).env).toEqual([`PATH=${defaultPath}`, "HOSTNAME=0123456789ab"]);
  });

  it("processConfig makes directories absolute and normal", () => {
    expect(configOf({}).cwd).toBe("/app/x");
    expect(configOf({ workdir: "/a/../../b/" }).cwd).toBe("/b");
    expect(configOf({ command: ["x"] }, {}).cwd).toBe("/");
    expect(() => configOf({ workdir: "a" })).toThrow(/not an absolute path/);
  });

  it("processConfig takes the image's user unless another is given", () => {
    expect(configOf({}).user).toBe("ann");
    expect(configOf({ user: "0:0" }).user).toBe("0:0");
    expect(configOf({ command: ["x"] }, {}).user).toBe("");
  });

  it.each([
    [{ command: ["a\0b"] }, /NUL/],
    [{ env: ["A=\0"] }, /NUL/],
    [{ env: ["=x"] }, /has no name/],
    [{ hostname: "a b" }, /host name/],
    [{ hostname: "-x" }, /host name/],
    [{ hostname: "x".repeat(65) }, /host name/],
  ])("processConfig refuses %j", (options, message) => {
    expect(() => configOf(options)).toThrow(message);
  });
});
