/**
 * Whom we trust and who we are: the certificates of the system, of $NODE_EXTRA_CA_CERTS, $SSL_CERT_FILE and
 * $SSL_CERT_DIR, and for one host the files of a certs.d directory as Docker and podman have them: `*.crt` are
 * authorities, `NAME.cert` and `NAME.key` a client's certificate.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { isErrno, StorageError } from "../base/errors.ts";

export interface TlsFiles {
  /** Paths of PEM files. */
  readonly authorities: readonly string[];
  readonly clients: readonly { readonly certificate: string; readonly key: string | undefined }[];
}

export const noTlsFiles: TlsFiles = { authorities: [], clients: [] };

type Environment = Readonly<Record<string, string | undefined>>;

/** The certificates in a host's directory; none where there is no such directory. */
export function certificatesIn(dir: string): TlsFiles {
  const names = namesIn(dir);
  const clients = names.filter((name) => name.endsWith(".cert"));
  return {
    authorities: names.filter((name) => name.endsWith(".crt")).map((name) => join(dir, name)),
    clients: clients.map((name) => {
      const key = name.replace(/\.cert$/, ".key");
      if (!names.includes(key)) {
        throw new StorageError("ERR_FAILED_PRECONDITION", `cannot use ${join(dir, name)}: ${key} is missing beside it`);
      }
      return { certificate: join(dir, name), key: join(dir, key) };
    }),
  };
}

/** @throws {StorageError} ERR_FAILED_PRECONDITION naming a file that cannot be read or is no certificate. */
export function secureContextOf({ authorities, clients }: TlsFiles, env: Environment): SecureContext {
  const [client] = clients;
  const ca = [...systemAuthorities(env), ...authorities.map(readPem)];
  try {
    return createSecureContext({
      ca,
      minVersion: "TLSv1.2",
      ...(client && { cert: readPem(client.certificate), key: readPem(client.key ?? client.certificate) }),
    });
  } catch (error) {
    const files = [...authorities, ...clients.map(({ certificate }) => certificate)].join(", ");
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot use certificates ${files}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function systemAuthorities(env: Environment): readonly string[] {
  const file = env["SSL_CERT_FILE"];
  const dirs = (env["SSL_CERT_DIR"] ?? "").split(":").filter((dir) => dir !== "");
  const inDirs = dirs.flatMap((dir) => namesIn(dir).map((name) => join(dir, name)));
  const own = [
    ...(file === undefined || file === "" ? [] : [file]),
    ...inDirs.filter((path) => /\.(?:crt|pem)$/.test(path)),
  ];
  // Where the system has authorities, they are its choice; Node's own would only double most of them.
  const system = getCACertificates("system");
  const shared = system.length > 0 ? system : getCACertificates("bundled");
  return [...shared, ...getCACertificates("extra"), ...own.map(readPem)];
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) return [];
    throw error;
  }
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StorageError("ERR_FAILED_PRECONDITION", `cannot read certificate ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
