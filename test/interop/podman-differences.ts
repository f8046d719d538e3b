/**
 * Where our command line means to differ from podman's; everything else that podman-cli.test.ts looks at must be equal.
 * The table in CONTRIBUTING.md is this list.
 */
export interface Difference {
  readonly about: string;
  readonly podman: string;
  readonly laminate: string;
  readonly why: string;
}

const docker = "as Docker";

export const differences = {
  names: { about: "image names", podman: "docker.io/library/base:1", laminate: "base:1", why: docker },
  tables: { about: "tables", podman: "two blanks between columns", laminate: "three, ten wide at least", why: docker },
  historyId: { about: "history, first column", podman: "ID", laminate: "IMAGE", why: docker },
  sizes: {
    about: "sizes",
    podman: "3.91 MB, of the contents",
    laminate: "3.96MB, of the blocks on disk",
    why: "what removing it frees",
  },
  order: { about: "ps, order", podman: "oldest first", laminate: "newest first", why: docker },
  command: {
    about: "ps, COMMAND",
    podman: "no entrypoint, cut at 17",
    laminate: "all of it, quoted, cut at 20",
    why: docker,
  },
  up: { about: "ps, STATUS", podman: "Up 2 seconds ago", laminate: "Up 2 seconds", why: docker },
  state: { about: "ps, {{.State}}", podman: "the status", laminate: "running, paused, exited, created", why: docker },
  json: { about: "--format json", podman: "one array", laminate: "a line each; --json is one document", why: docker },
  usage: {
    about: "wrong arguments, exit code",
    podman: "125",
    laminate: "1; 125 for run, create, start, exec",
    why: docker,
  },
  unknown: {
    about: "no such image or container, exit code",
    podman: "125, and 1 for rm and rmi",
    laminate: "1, and 125 for run, create, exec",
    why: docker,
  },
  inUse: { about: "rm and rmi of what is in use, exit code", podman: "2", laminate: "1", why: docker },
  stopped: {
    about: "exec in a container that does not run, exit code",
    podman: "255",
    laminate: "125",
    why: "the program was never started: our failure, not its",
  },
  badUser: { about: "run with an unknown user, exit code", podman: "126", laminate: "125", why: docker },
  errors: {
    about: "error texts",
    podman: "Error: nope: image not known",
    laminate: "laminate: cannot find image nope: no such image (…)",
    why: "one form for all, with what to do",
  },
  ids: { about: "inspect, image IDs", podman: "bare", laminate: "sha256:…", why: docker },
  wholeIds: { about: "history --no-trunc, IDs", podman: "bare", laminate: "sha256:…", why: docker },
  mountPoints: {
    about: "diff of a container that changed nothing",
    podman: "C /etc",
    laminate: "nothing",
    why: "as Docker: the places for its hosts and resolv.conf are no change of the container's",
  },
  comment: { about: "inspect, an image's Comment", podman: "empty", laminate: "commit's message", why: docker },
  entrypoint: {
    about: "inspect, a container's Entrypoint",
    podman: "one text",
    laminate: "a list or null",
    why: docker,
  },
  stopSignal: { about: "inspect, StopSignal", podman: "2", laminate: "SIGINT", why: docker },
  environment: {
    about: "variables of a container",
    podman: "also container=podman, TERM, HOME",
    laminate: "HOSTNAME, and TERM with a terminal",
    why: docker,
  },
  hostname: {
    about: "host name on the host's network",
    podman: "the host's",
    laminate: "the container's own",
    why: "it has its own UTS namespace in any case",
  },
} as const satisfies Readonly<Record<string, Difference>>;

export type DifferenceName = keyof typeof differences;

/** Rows of the table in the document. */
export function documented(): readonly string[] {
  return Object.values(differences).map(
    ({ about, podman, laminate, why }) => `| ${about} | ${podman} | ${laminate} | ${why} |`,
  );
}
