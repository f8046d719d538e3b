/** `login` and `logout`: credentials are tried before they are kept, and kept where Docker keeps them. */
import { StorageError } from "../base/errors.ts";
import { changeAuthFile, readAuthFile } from "./auth-file.ts";
import { eraseByHelper, storeByHelper } from "./credential-helper.ts";
import { authFilesFor, credentialKeyOf, loginFileFor } from "./credentials.ts";
import { RegistryClient, type RegistryOptions } from "./registry-client.ts";

export interface LoginOptions extends RegistryOptions {
  readonly username: string;
  readonly password: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns where the credentials are now: a file, or the name of a helper.
 * @param domain as references have it: "docker.io", "localhost:5000".
 * @throws {StorageError} ERR_UNAUTHENTICATED when they are wrong: then nothing is kept.
 */
export async function login(domain: string, { username, password, signal, ...options }: LoginOptions): Promise<string> {
  if (username === "" || username.includes(":")) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot log in at ${domain}: a user name is not empty and has no colon`,
    );
  }
  await using client = new RegistryClient({ ...options, credentials: { username, password } });
  await client.ping(domain, { signal });
  const kept = { kind: "password", username, password } as const;
  const path = loginFileFor({ authFile: options.authFile, env: options.env ?? process.env });
  const key = credentialKeyOf(domain);
  const file = await readAuthFile(path);
  const helper = file?.helpers.get(domain) ?? file?.helpers.get(key) ?? file?.store;
  if (helper !== undefined) {
    await storeByHelper(helper, key, kept);
    return helper;
  }
  await changeAuthFile(path, key, kept);
  return path;
}

/** True if there were credentials, in any of the files. */
export async function logout(
  domain: string,
  options: Pick<RegistryOptions, "authFile" | "env"> = {},
): Promise<boolean> {
  let had = false;
  for (const path of authFilesFor({ authFile: options.authFile, env: options.env ?? process.env })) {
    const file = await readAuthFile(path);
    if (file === undefined) continue;
    const key = credentialKeyOf(domain);
    const helper = file.helpers.get(domain) ?? file.helpers.get(key) ?? file.store;
    if (helper !== undefined && (await eraseByHelper(helper, key))) had = true;
    for (const name of [key, domain]) {
      if (!file.entries.has(name)) continue;
      await changeAuthFile(path, name, undefined);
      had = true;
    }
  }
  return had;
}
