/**
 * The script that the built-in runner executes as the first process of a container's namespaces. The host's shell and
 * tools run it while the host's files are still in sight; its last command leaves them behind.
 *
 * Nothing of the image acts before that: the places to mount on were resolved within the root beforehand, and the
 * container's variables are set only for the last commands, without those that would make the host's loader pick up
 * the image's libraries.
 */
import { posix } from "node:path";
import { capabilitiesOf } from "./capabilities.ts";
import { maskedPaths, readonlyPaths } from "./defaults.ts";
import { startFailure } from "./failure.ts";
import { grantableCapabilities } from "./host.ts";
import type { HostConfig } from "./host-config.ts";
import type { Launch } from "./launch.ts";
import { networkFileNames } from "./network-files.ts";

/** The host's tools, absolute paths. */
export interface HostTools {
  readonly sh: string;
  readonly env: string;
  readonly mount: string;
  readonly unshare: string;
  /** Null: capabilities and supplementary groups stay as they are. */
  readonly setpriv: string | null;
  /** Null: a terminal works without the control of jobs. */
  readonly setsid: string | null;
}

/** Where to mount, relative to the root, free of symlinks. */
export interface MountPlaces {
  readonly proc: string;
  readonly dev: string;
  readonly sys: string;
  readonly files: Readonly<Record<(typeof networkFileNames)[number], string>>;
}

export interface ChrootPlan {
  readonly launch: Launch;
  readonly env: readonly string[];
  /** In the container. */
  readonly program: string;
  readonly places: MountPlaces;
  readonly tools: HostTools;
  /** We are not root: only one user exists in the namespace, and what needs more is left out. */
  readonly isUserNamespace: boolean;
}

export function chrootScript(plan: ChrootPlan): string {
  const { launch, places, tools } = plan;
  // -n: nothing is to be noted in /run/mount, which an ordinary user could not even do.
  const mount = `${quote(tools.mount)} -n`;
  const at = (path: string): string => quote(path === "." ? "." : `./${path}`);
  const [proc, dev, sys] = [at(places.proc), at(places.dev), at(places.sys)];
  const devices = ["null", "zero", "full", "random", "urandom", "tty"];
  return [
    `fail() { echo "laminate: cannot start container: $1" >&2; exit 125; }`,
    `umask 022`,
    `root=${quote(launch.rootfs)}`,
    `${mount} --bind "$root" "$root" && cd "$root" || fail "cannot bind its root"`,
    `name=${quote(launch.process.hostname)}`,
    `hostname "$name" 2>/dev/null || { echo "$name" >/proc/sys/kernel/hostname; } 2>/dev/null`,

    `${mount} -t proc -o nosuid,nodev,noexec proc ${proc} 2>/dev/null || ${mount} --rbind /proc ${proc} || fail "cannot mount /proc"`,
    `${mount} -t sysfs -o ro,nosuid,nodev,noexec sysfs ${sys} 2>/dev/null || ${mount} --rbind /sys ${sys} || fail "cannot mount /sys"`,
    `${mount} -t tmpfs -o nosuid,mode=755,size=65536k tmpfs ${dev} || fail "cannot mount /dev"`,
    `for node in ${devices.join(" ")}; do`,
    `  : >${dev}/$node && ${mount} --bind /dev/$node ${dev}/$node || fail "cannot mount /dev/$node"`,
    `done`,
    `mkdir ${dev}/pts ${dev}/shm ${dev}/mqueue`,
    ...[
      ["/proc/self/fd", "fd"],
      ["/proc/self/fd/0", "stdin"],
      ["/proc/self/fd/1", "stdout"],
      ["/proc/self/fd/2", "stderr"],
      ["pts/ptmx", "ptmx"],
    ].map(([target = "", link = ""]) => `ln -s ${target} ${dev}/${link}`),
    `pts=newinstance,nosuid,noexec,ptmxmode=0666,mode=0620`,
    `${mount} -t devpts -o $pts,gid=5 devpts ${dev}/pts 2>/dev/null || ${mount} -t devpts -o $pts devpts ${dev}/pts 2>/dev/null`,
    `${mount} -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=${launch.host.shmBytes} shm ${dev}/shm`,
    `${mount} -t mqueue -o nosuid,nodev,noexec mqueue ${dev}/mqueue 2>/dev/null`,
    ...networkFileNames.map(
      (name) => `${mount} --bind ${quote(posix.join(launch.files, name))} ${at(places.files[name])}`,
    ),

    ...readonlyPaths.map((path) => {
      const place = at(insideOf(path, places));
      return `{ ${mount} --bind ${place} ${place} && ${mount} -o remount,bind,ro ${place}; } 2>/dev/null`;
    }),
    ...maskedPaths.map((path) => {
      const place = at(insideOf(path, places));
      return `{ if [ -d ${place} ]; then ${mount} -t tmpfs -o ro tmpfs ${place}; else ${mount} --bind /dev/null ${place}; fi; } 2>/dev/null`;
    }),

    ...launch.mounts.map(({ type, source, target, options }) => {
      const place = at(posix.relative("/", target));
      const fail = `|| fail ${quote(`cannot mount ${target}`)}`;
      if (type === "tmpfs") return `${mount} -t tmpfs -o ${quote(options.join(","))} tmpfs ${place} ${fail}`;
      const bound = `${mount} --rbind ${quote(source)} ${place} ${fail}`;
      return options.includes("ro") ? `${bound}\n${mount} -o remount,bind,ro ${place} ${fail}` : bound;
    }),
    ...(launch.host.readonlyRootfs
      ? [`${mount} -o remount,bind,ro "$root" || fail "cannot make its root read-only"`]
      : []),

    // As runc does it without pivot_root: the container's root covers the host's, so that no way up leads to it. From
    // such a place no further user namespace can be made; a user who needs one cannot get out of a plain chroot anyway.
    ...(needsInnerNamespace(plan) ? [] : [`${mount} --move . / || fail "cannot move its root into place"`]),
    `exec 3>&-`,
    `exec ${lastCommand(plan).map(quote).join(" ")}`,
    "",
  ].join("\n");
}

function insideOf(path: string, places: MountPlaces): string {
  const [, top = "", rest = ""] = /^\/(proc|sys)\/(.*)$/.exec(path) ?? [];
  return `${top === "proc" ? places.proc : places.sys}/${rest}`;
}

/** Changes root, directory and user, in that order, and becomes the program. */
function lastCommand(plan: ChrootPlan): readonly string[] {
  const { launch, env, program, tools, isUserNamespace } = plan;
  const { uid, gid, groups } = launch.user;
  const isLoaderVariable = (variable: string): boolean => loaderVariables.test(variable);
  const late = env.filter(isLoaderVariable);
  const command = [tools.env, "-i", ...env.filter((variable) => !isLoaderVariable(variable))];
  if (tools.setpriv !== null) {
    if (launch.host.noNewPrivileges) command.push(tools.setpriv, "--no-new-privs");
    command.push(tools.setpriv, "--inh-caps=-all", `--bounding-set=-all${boundingSet(launch.host)}`);
    if (!isUserNamespace) {
      command.push(`--regid=${gid}`, groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`);
    }
  }
  command.push(tools.unshare, "--root=.", `--wd=${launch.process.cwd}`);
  if (needsInnerNamespace(plan)) command.push("--user", `--map-user=${uid}`, `--map-group=${gid}`);
  if (!isUserNamespace) {
    if (tools.setpriv === null && gid !== 0) command.push(`--setgid=${gid}`);
    if (uid !== 0) command.push(`--setuid=${uid}`);
  }
  command.push("--", ...(late.length === 0 ? [] : [imageEnv, ...late]), program, ...launch.process.args.slice(1));
  return command;
}

/** In the user namespace of an ordinary user there is only root; another user gets a namespace in which that is it. */
function needsInnerNamespace({ launch: { user }, isUserNamespace }: ChrootPlan): boolean {
  return isUserNamespace && (user.uid !== 0 || user.gid !== 0);
}

/** Sets, in the container, what must not be set before. */
export const imageEnv = "/usr/bin/env";

/** What the C library ignores in a setuid program, for the same reason: it names code or files to load. */
const loaderVariables =
  /^(?:LD_[A-Z_]*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|MALLOC_[A-Z_]*|TMPDIR|TZDIR)=/;

/** True when {@link imageEnv} has to be in the image. */
export function needsImageEnv(env: readonly string[]): boolean {
  return env.some((variable) => loaderVariables.test(variable));
}

/** Without a device cgroup, whoever can make device nodes can open them: no CAP_MKNOD. */
function boundingSet(host: HostConfig): string {
  return capabilitiesOf(host, grantableCapabilities())
    .filter((name) => name !== "CAP_MKNOD")
    .map((name) => `,+${name.slice("CAP_".length).toLowerCase()}`)
    .join("");
}

/** One word of a POSIX shell. */
function quote(word: string): string {
  if (word.includes("\0")) throw startFailure("an argument holds a NUL");
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
