/**
 * Goes through a snapshot's whole life as whoever runs it, in the directory given, with the backend that "auto" takes
 * or the one given. Prints what it saw as JSON. Arguments: root [backend].
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../../driver/metadata/database.ts";
import { chooseBackend } from "../../../driver/snapshot/choose-backend.ts";
import { openSnapshotter } from "../../../driver/snapshot/open-snapshotter.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";
import { changes, describeTree, directory, file, mode } from "../../suites/file-changes.ts";
import { directAccess, mountedAccess } from "../../suites/mount-access.ts";
import { handMadeLayer } from "../../suites/settled-layer.ts";

const [root = "", wanted = "auto"] = process.argv.slice(2);
const privileges = detectPrivileges();
const choice = chooseBackend(wanted === "overlay" ? wanted : "auto", root, privileges);
const access = privileges.canMount ? mountedAccess : directAccess;

mkdirSync(root, { recursive: true });
using database = openDatabase(join(root, "metadata.db"), { durability: "full" });
await using snapshotter = await openSnapshotter({
  root,
  database,
  backend: choice.backend,
  durability: "full",
  privileges,
});

const bottom = await handMadeLayer(
  snapshotter,
  changes(
    directory("dir"),
    file("dir/gone", "gone"),
    file("dir/setuid", "s", 0o4755),
    directory("hidden"),
    file("hidden/old", "old"),
    directory("closed"),
    file("closed/f", "f", 0o400),
    mode("closed", 0o555),
  ),
);
const top = await handMadeLayer(
  snapshotter,
  changes(directory("dir"), file("dir/new", "new"), directory("hidden"), file("hidden/fresh", "fresh")),
  { whiteouts: ["dir/gone"], opaques: ["hidden"] },
);
await snapshotter.adopt([
  { name: "bottom", parent: "", settled: bottom.settled },
  { name: "top", parent: "bottom", settled: top.settled },
]);

const tree = access(await snapshotter.prepare("active", "top"), (dir) => {
  file("dir/new", "changed")(dir);
  return describeTree(dir);
});
await snapshotter.commit("committed", "active");
const view = access(await snapshotter.view("view", "committed"), (dir) => describeTree(dir));
for (const name of ["view", "committed", "top", "bottom"]) await snapshotter.remove(name);

console.log(
  JSON.stringify({
    ...choice,
    tree: tree.map((line) => line.replace(/ \d+:\d+/, "")),
    isSameCommitted: view.join("\n") === tree.join("\n"),
    left: [...readdirSync(join(root, "snapshots")), ...readdirSync(join(root, "staging"))],
  }),
);
