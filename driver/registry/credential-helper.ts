/** Programs that keep credentials: `docker-credential-NAME get|store|erase`, JSON on their standard streams. */
import { spawn } from "node:child_process";
import { StorageError } from "../base/errors.ts";
import type { Credentials, KeptCredentials } from "./identity.ts";

const maxAnswerBytes = 1024 * 1024;
const timeoutMs = 60_000;
/** The user name that says that the secret is an identity token. */
const tokenUser = "<token>";

/** Undefined when the helper knows nothing of the server. @throws {StorageError} when it fails otherwise. */
export async function askHelper(name: string, server: string): Promise<Credentials | undefined> {
  const { code, stdout } = await call(name, "get", server);
  const said = stdout.toString();
  if (code !== 0) {
    if (/credentials not found|no credentials|no usernames|not logged in/i.test(said)) return undefined;
    // What a failed helper prints is its message; a successful one prints the secret.
    throw helperFailure(name, said.trim().slice(0, 200) || `it exited with ${code}`);
  }
  let answer: { Username?: unknown; Secret?: unknown };
  try {
    answer = JSON.parse(said) as typeof answer;
  } catch {
    throw helperFailure(name, "its answer is not JSON");
  }
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== "string" || typeof secret !== "string") throw helperFailure(name, "its answer lacks a name");
  if (username === "" && secret === "") return undefined;
  if (username === tokenUser) return { kind: "identity-token", token: secret };
  return { kind: "password", username, password: secret };
}

export async function storeByHelper(name: string, server: string, credentials: KeptCredentials): Promise<void> {
  const [username, secret] =
    credentials.kind === "password" ? [credentials.username, credentials.password] : [tokenUser, credentials.token];
  const order = JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
  const { code, stdout } = await call(name, "store", order);
  if (code !== 0) throw helperFailure(name, stdout.toString().trim().slice(0, 200) || `it exited with ${code}`);
}

/** True if there was something. */
export async function eraseByHelper(name: string, server: string): Promise<boolean> {
  const { code } = await call(name, "erase", server);
  return code === 0;
}

function helperFailure(name: string, reason: string): StorageError {
  return new StorageError("ERR_UNAUTHENTICATED", `cannot get credentials from docker-credential-${name}: ${reason}`);
}

function call(name: string, verb: string, input: string): Promise<{ code: number | null; stdout: Buffer }> {
  // A name is looked up in PATH; it is never a path of its own.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new StorageError(
      "ERR_INVALID_ARGUMENT",
      `cannot use credential helper ${JSON.stringify(name)}: no such name`,
    );
  }
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [verb], { stdio: ["pipe", "pipe", "ignore"], timeout: timeoutMs });
    const parts: Buffer[] = [];
    let total = 0;
    child.stdout.on("data", (part: Buffer) => {
      total += part.length;
      if (total > maxAnswerBytes) child.kill("SIGKILL");
      else parts.push(part);
    });
    child.on("error", (error) => {
      reject(helperFailure(name, error.message));
    });
    child.on("close", (code) => {
      resolve({ code, stdout: Buffer.concat(parts) });
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
