/** From the words of a config's User to numbers, by the container's own passwd and group files, never by the host's. */
import { startFailure } from "./failure.ts";
import type { Rootfs } from "./rootfs.ts";

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const maxId = 2 ** 31 - 1;

/**
 * `user` is "", "name", "uid", "name:group", "uid:gid" and mixtures (image-spec config.md, User). A name must be in the
 * files, a number need not be. Without a group it is the user's, with the supplementary groups that list the user.
 * @throws {StorageError} ERR_FAILED_PRECONDITION for unknown names and numbers out of range.
 */
export function resolveUser(rootfs: Rootfs, user: string, groupAdd: readonly string[] = []): ResolvedUser {
  const resolved = resolvedUser(rootfs, user);
  if (groupAdd.length === 0) return resolved;
  const known = parseGroups(rootfs.readText("/etc/group") ?? "");
  const added = groupAdd.map((wanted) => {
    const gid = known.find(({ name }) => name === wanted)?.gid ?? tryParseId(wanted);
    if (gid !== undefined) return gid;
    throw startFailure(`there is no group ${JSON.stringify(wanted)} in its /etc/group`);
  });
  return { ...resolved, groups: [...new Set([...resolved.groups, ...added])] };
}

function resolvedUser(rootfs: Rootfs, user: string): ResolvedUser {
  const [wantedUser = "", wantedGroup = "", ...rest] = user.split(":");
  if (rest.length > 0) throw startFailure(`user ${JSON.stringify(user)} has more than one colon`);
  const passwd = parsePasswd(rootfs.readText("/etc/passwd") ?? "");
  const groups = parseGroups(rootfs.readText("/etc/group") ?? "");

  const uid = wantedUser === "" ? 0 : tryParseId(wantedUser);
  const entry = passwd.find(({ name, uid: id }) => (wantedUser !== "" && name === wantedUser) || id === uid);
  if (entry === undefined && uid === undefined) {
    throw startFailure(`there is no user ${JSON.stringify(wantedUser)} in its /etc/passwd`);
  }
  const resolved = { uid: entry?.uid ?? uid ?? 0, home: entry?.home ?? "/" };
  if (wantedGroup === "") {
    const listed = groups.filter(({ members }) => entry !== undefined && members.includes(entry.name));
    return { ...resolved, gid: entry?.gid ?? 0, groups: [...new Set(listed.map(({ gid }) => gid))] };
  }
  const gid = tryParseId(wantedGroup);
  const group = groups.find(({ name, gid: id }) => name === wantedGroup || id === gid);
  if (group === undefined && gid === undefined) {
    throw startFailure(`there is no group ${JSON.stringify(wantedGroup)} in its /etc/group`);
  }
  return { ...resolved, gid: group?.gid ?? gid ?? 0, groups: [] };
}

/** Lines that are not entries are skipped, as the C library does. */
function parsePasswd(text: string): readonly PasswdEntry[] {
  return records(text).flatMap(([name = "", , uidText = "", gidText = "", , home = ""]) => {
    const uid = tryParseId(uidText);
    const gid = tryParseId(gidText);
    return name === "" || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home: home || "/" }];
  });
}

function parseGroups(text: string): readonly GroupEntry[] {
  return records(text).flatMap(([name = "", , gidText = "", members = ""]) => {
    const gid = tryParseId(gidText);
    return name === "" || gid === undefined ? [] : [{ name, gid, members: members.split(",") }];
  });
}

function records(text: string): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.split(":"));
}

function tryParseId(text: string): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}
