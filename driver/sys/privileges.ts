/** What this process may do to files and mounts, asked of the kernel rather than guessed from the user id. */
import { readFileSync, readlinkSync } from "node:fs";
import { getegid, geteuid } from "node:process";

export interface Privileges {
  /** Effective user id. */
  readonly uid: number;
  /** Files may be given to any (mapped) owner. */
  readonly canChown: boolean;
  /** Device nodes may be made. Overlay's whiteouts, char 0:0, are no devices to the kernel and need no privilege. */
  readonly canMknod: boolean;
  /** Mounts may be made in this mount namespace. */
  readonly canMount: boolean;
  /** Where overlay's marks go: trusted.* is only for administrators of the initial user namespace. */
  readonly overlayXattr: "trusted.overlay." | "user.overlay.";
}

const CAP_CHOWN = 0n;
const CAP_SYS_ADMIN = 21n;
const CAP_MKNOD = 27n;

/** The inode of the initial user namespace, PROC_USER_INIT_INO in include/linux/proc_ns.h. */
const initialUserNamespace = "user:[4026531837]";

/** Reads the effective capabilities and the user namespace; nothing is tried on disk. */
export function detectPrivileges(): Privileges {
  const status = readFileSync("/proc/self/status", "latin1");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return privilegesFrom(geteuid?.() ?? 0, effective, readlinkSync("/proc/self/ns/user") === initialUserNamespace);
}

/** The rules of {@link detectPrivileges}; `capabilities` is the bit set that /proc/self/status shows as CapEff. */
export function privilegesFrom(uid: number, capabilities: bigint, inInitialNamespace: boolean): Privileges {
  const has = (capability: bigint): boolean => ((capabilities >> capability) & 1n) === 1n;
  const isAdministrator = has(CAP_SYS_ADMIN);
  return {
    uid,
    canChown: has(CAP_CHOWN),
    canMknod: has(CAP_MKNOD) && inInitialNamespace,
    canMount: isAdministrator,
    overlayXattr: isAdministrator && inInitialNamespace ? "trusted.overlay." : "user.overlay.",
  };
}

/**
 * Whose files stand for root's where files cannot be given away: a container that such a user runs knows no other owner.
 * Null where owners are what they say.
 */
export function rootStandIn({ canChown, uid }: Privileges): Owner | null {
  return canChown ? null : { uid, gid: getegid?.() ?? uid };
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What an archive says of a file's owner: root, where `standIn` stands for it. */
export function saidOwner({ uid, gid }: Owner, standIn: Owner | null): Owner {
  return { uid: uid === standIn?.uid ? 0 : uid, gid: gid === standIn?.gid ? 0 : gid };
}
