/** All commands by name. Their modules are loaded when used: starting up costs only the one that runs. */
import type { Command } from "./command.ts";

export interface CatalogEntry {
  /** "images", "image ls": the first is the one that help shows; all others mean the same. */
  readonly names: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

export const catalog: readonly CatalogEntry[] = [
  {
    names: ["load", "image load"],
    summary: "Load images from an archive or an OCI image layout",
    load: () => import("./commands/load.ts"),
  },
  {
    names: ["pull", "image pull"],
    summary: "Fetch images from registries",
    load: () => import("./commands/pull.ts"),
  },
  {
    names: ["push", "image push"],
    summary: "Send images to registries",
    load: () => import("./commands/push.ts"),
  },
  {
    names: ["copy", "image copy"],
    summary: "Copy images between registries, archives and layouts, as they are",
    load: () => import("./commands/copy.ts"),
  },
  {
    names: ["login"],
    summary: "Keep the credentials for a registry",
    load: () => import("./commands/login.ts"),
  },
  {
    names: ["logout"],
    summary: "Forget the credentials for a registry",
    load: () => import("./commands/logout.ts"),
  },
  {
    names: ["batch plan"],
    summary: "Show what importing many images would fetch and store",
    load: () => import("./commands/batch-plan.ts"),
  },
  {
    names: ["batch import"],
    summary: "Import many images at once, each layer once",
    load: () => import("./commands/batch-import.ts"),
  },
  {
    names: ["batch verify"],
    summary: "Check that many images are here and whole",
    load: () => import("./commands/batch-verify.ts"),
  },
  {
    names: ["batch report"],
    summary: "Print what the last import of many images did",
    load: () => import("./commands/batch-report.ts"),
  },
  {
    names: ["batch worker"],
    summary: "Import what batches on a queue have to be done, until it is stopped",
    load: () => import("./commands/batch-worker.ts"),
  },
  {
    names: ["manifest inspect"],
    summary: "Show the manifest or index of an image in a registry",
    load: () => import("./commands/manifest-inspect.ts"),
  },
  {
    names: ["image digest"],
    summary: "Show the digests of images, here or in a registry",
    load: () => import("./commands/image-digest.ts"),
  },
  {
    names: ["images", "image ls", "image list"],
    summary: "List images",
    load: () => import("./commands/images.ts"),
  },
  {
    names: ["history", "image history"],
    summary: "Show how an image came about",
    load: () => import("./commands/history.ts"),
  },
  {
    names: ["image tree"],
    summary: "Show the layers of images and what they share",
    load: () => import("./commands/image-tree.ts"),
  },
  {
    names: ["inspect"],
    summary: "Show all about containers and images",
    load: () => import("./commands/inspect.ts"),
  },
  {
    names: ["image inspect"],
    summary: "Show all about images",
    load: () => import("./commands/image-inspect.ts"),
  },
  {
    names: ["container inspect"],
    summary: "Show all about containers",
    load: () => import("./commands/container-inspect.ts"),
  },
  {
    names: ["tag", "image tag"],
    summary: "Give an image another name",
    load: () => import("./commands/tag.ts"),
  },
  {
    names: ["rmi", "image rm", "image remove"],
    summary: "Remove images",
    load: () => import("./commands/rmi.ts"),
  },
  {
    names: ["run", "container run"],
    summary: "Run a program in a new container",
    load: () => import("./commands/run.ts"),
  },
  {
    names: ["create", "container create"],
    summary: "Make a container without running it",
    load: () => import("./commands/create.ts"),
  },
  {
    names: ["start", "container start"],
    summary: "Run containers that were made before",
    load: () => import("./commands/start.ts"),
  },
  {
    names: ["stop", "container stop"],
    summary: "Ask containers to end, and kill those that do not",
    load: () => import("./commands/stop.ts"),
  },
  {
    names: ["restart", "container restart"],
    summary: "Stop containers and start them again",
    load: () => import("./commands/restart.ts"),
  },
  {
    names: ["kill", "container kill"],
    summary: "Send containers a signal",
    load: () => import("./commands/kill.ts"),
  },
  {
    names: ["wait", "container wait"],
    summary: "Wait for containers to end, and print their exit codes",
    load: () => import("./commands/wait.ts"),
  },
  {
    names: ["logs", "container logs"],
    summary: "Show what a container's program wrote",
    load: () => import("./commands/logs.ts"),
  },
  {
    names: ["exec", "container exec"],
    summary: "Run another program in a running container",
    load: () => import("./commands/exec.ts"),
  },
  {
    names: ["attach", "container attach"],
    summary: "See what a running program writes, and type for it",
    load: () => import("./commands/attach.ts"),
  },
  {
    names: ["top", "container top"],
    summary: "Show the processes of a container",
    load: () => import("./commands/top.ts"),
  },
  {
    names: ["stats", "container stats"],
    summary: "Show what containers use of this machine",
    load: () => import("./commands/stats.ts"),
  },
  {
    names: ["pause", "container pause"],
    summary: "Stop all processes of containers",
    load: () => import("./commands/pause.ts"),
  },
  {
    names: ["unpause", "container unpause"],
    summary: "Let paused containers go on",
    load: () => import("./commands/unpause.ts"),
  },
  {
    names: ["rename", "container rename"],
    summary: "Give a container another name",
    load: () => import("./commands/rename.ts"),
  },
  {
    names: ["ps", "container ls", "container list", "container ps"],
    summary: "List containers",
    load: () => import("./commands/ps.ts"),
  },
  {
    names: ["rm", "container rm", "container remove"],
    summary: "Remove containers",
    load: () => import("./commands/rm.ts"),
  },
  {
    names: ["save", "image save"],
    summary: "Write images to an archive or an OCI image layout",
    load: () => import("./commands/save.ts"),
  },
  {
    names: ["export", "container export"],
    summary: "Write all files of a container to a tar",
    load: () => import("./commands/export.ts"),
  },
  {
    names: ["cp", "container cp"],
    summary: "Copy files from and to containers",
    load: () => import("./commands/cp.ts"),
  },
  {
    names: ["import", "image import"],
    summary: "Make an image from a tar of a root file system",
    load: () => import("./commands/import.ts"),
  },
  {
    names: ["image flatten"],
    summary: "Make the layers of an image one",
    load: () => import("./commands/image-flatten.ts"),
  },
  {
    names: ["image prune"],
    summary: "Remove images that nothing uses",
    load: () => import("./commands/image-prune.ts"),
  },
  {
    names: ["commit", "container commit"],
    summary: "Make an image of what a container has changed",
    load: () => import("./commands/commit.ts"),
  },
  {
    names: ["diff", "container diff", "image diff"],
    summary: "List the files that a container, an image or a layer adds, changes and deletes",
    load: () => import("./commands/diff.ts"),
  },
  {
    names: ["mount", "image mount", "container mount"],
    summary: "Mount images and containers, and print where",
    load: () => import("./commands/mount.ts"),
  },
  {
    names: ["unmount", "umount", "image unmount", "image umount", "container unmount", "container umount"],
    summary: "Unmount images and containers",
    load: () => import("./commands/unmount.ts"),
  },
  {
    names: ["snapshots ls", "snapshots list"],
    summary: "List snapshots",
    load: () => import("./commands/snapshots-ls.ts"),
  },
  {
    names: ["snapshots tree"],
    summary: "Show which snapshot stands on which",
    load: () => import("./commands/snapshots-tree.ts"),
  },
  {
    names: ["snapshots usage"],
    summary: "Show the bytes and inodes of snapshots",
    load: () => import("./commands/snapshots-usage.ts"),
  },
  {
    names: ["container prune"],
    summary: "Remove all containers that do not run",
    load: () => import("./commands/container-prune.ts"),
  },
  {
    names: ["system prune"],
    summary: "Remove all that nothing uses",
    load: () => import("./commands/system-prune.ts"),
  },
  {
    names: ["system df", "df"],
    summary: "Show what is stored, shared and reclaimable",
    load: () => import("./commands/system-df.ts"),
  },
  {
    names: ["serve"],
    summary: "Serve snapshots to containerd",
    load: () => import("./commands/serve.ts"),
  },
  {
    names: ["info", "system info"],
    summary: "Show what this machine offers and what was chosen",
    load: () => import("./commands/info.ts"),
  },
  {
    names: ["completion"],
    summary: "Print a script that completes commands, names and options in a shell",
    load: () => import("./commands/completion.ts"),
  },
  {
    names: ["version"],
    summary: "Show versions",
    load: () => import("./commands/version.ts"),
  },
];

export function isGroup(word: string): boolean {
  return catalog.some(({ names }) => names.some((name) => name.startsWith(`${word} `)));
}

export function findCommand(path: string): CatalogEntry | undefined {
  return catalog.find(({ names }) => names.includes(path));
}
