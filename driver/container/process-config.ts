/** What runs in a container: the image's config (image-spec config.md) with the caller's options over it. */
import { posix } from "node:path";
import { StorageError } from "../base/errors.ts";
import type { ContainerConfig } from "../oci/image-config.ts";
import type { CreateOptions, ProcessConfig } from "./container.ts";

export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Docker's rules: a given entrypoint drops the image's Cmd, a given command replaces it; variables that are given
 * replace those of the image; PATH, HOSTNAME and, with a terminal, TERM have defaults.
 * @throws {StorageError} ERR_INVALID_ARGUMENT when there is no command or an option makes no sense.
 */
export function processConfig(image: ContainerConfig, options: CreateOptions, defaultHostname: string): ProcessConfig {
  const hostname = options.hostname ?? defaultHostname;
  const tty = options.tty ?? false;
  const entrypoint = options.entrypoint ?? image.Entrypoint ?? [];
  const config: ProcessConfig = {
    args: argsOf(entrypoint, image, options),
    entrypointArgs: entrypoint.length,
    env: environment(image.Env ?? [], options.env ?? [], hostname, tty),
    cwd: workingDirectory(image.WorkingDir ?? "", options.workdir),
    user: options.user ?? image.User ?? "",
    hostname,
    tty,
    interactive: options.interactive ?? false,
    keepsInput: options.keepsInput ?? false,
  };
  if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?$/.test(hostname)) {
    throw invalid(`host name ${JSON.stringify(hostname)} is not one`);
  }
  if ([...config.args, ...config.env, config.cwd, config.user].some((text) => text.includes("\0"))) {
    throw invalid("an argument, variable, user or directory holds a NUL");
  }
  return config;
}

function argsOf(entrypoint: readonly string[], image: ContainerConfig, options: CreateOptions): readonly string[] {
  const given = options.command ?? [];
  const command = given.length > 0 ? given : options.entrypoint === undefined ? (image.Cmd ?? []) : [];
  const args = [...entrypoint, ...command];
  if (args.length === 0) throw invalid("no command was given, and the image has none");
  if (args[0] === "") throw invalid("its command is empty");
  return args;
}

function environment(
  image: readonly string[],
  given: readonly string[],
  hostname: string,
  tty: boolean,
): readonly string[] {
  const variables = new Map<string, string>([
    ["PATH", defaultPath],
    ["HOSTNAME", hostname],
  ]);
  if (tty) variables.set("TERM", "xterm");
  for (const variable of image) {
    const equals = variable.indexOf("=");
    if (equals > 0) variables.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  return changed(variables, given);
}

/** The variables of another program in a container. */
export function changedEnvironment(own: readonly string[], given: readonly string[], tty: boolean): readonly string[] {
  const variables = own.map((variable): [string, string] => {
    const equals = variable.indexOf("=");
    return [variable.slice(0, equals), variable.slice(equals + 1)];
  });
  return changed(new Map(tty ? [["TERM", "xterm"], ...variables] : variables), given);
}

function changed(variables: Map<string, string>, given: readonly string[]): readonly string[] {
  for (const variable of given) {
    const equals = variable.indexOf("=");
    if (variable === "" || equals === 0) throw invalid(`variable ${JSON.stringify(variable)} has no name`);
    if (equals < 0) variables.delete(variable);
    else variables.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  return Array.from(variables, ([key, value]) => `${key}=${value}`);
}

/** @throws {StorageError} ERR_INVALID_ARGUMENT when it is not absolute. */
export function checkedDirectory(given: string): string {
  return workingDirectory("", given);
}

function workingDirectory(image: string, given: string | undefined): string {
  if (given !== undefined && !given.startsWith("/")) {
    throw invalid(`working directory ${JSON.stringify(given)} is not an absolute path`);
  }
  const normal = posix.normalize(`/${given ?? image}`);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

function invalid(reason: string): StorageError {
  return new StorageError("ERR_INVALID_ARGUMENT", `cannot create container: ${reason}`);
}
