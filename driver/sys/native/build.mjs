/**
 * Builds the addon: `node driver/sys/native/build.mjs [--arch x64|arm64]` writes build/laminate-linux-<arch>.node.
 *
 * One call of the C compiler, not node-gyp: three C files need no generated makefiles, Python or download of Node's
 * headers (the Node-API ones are a package), and the link must say -nostdlib. The file then depends on no library at
 * all and finds only napi_* in the node that loads it, so one build serves glibc of any age, musl, and any Node with
 * Node-API 8. $CC chooses the compiler for this machine's architecture, $CROSS_CC for the other.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { arch, argv, env, exit, pid, stderr } from "node:process";
import { parseArgs } from "node:util";

const crossCompilers = { x64: "x86_64-linux-gnu-gcc", arm64: "aarch64-linux-gnu-gcc" };

const flags = [
  ...["-std=c11", "-Wall", "-Wextra", "-Werror=implicit-function-declaration", "-O2", "-g0"],
  ...["-fPIC", "-shared", "-fvisibility=hidden", "-ffreestanding", "-nostdlib"],
  // Loops stay loops and stacks unguarded: both would call into the C library.
  ...["-fno-tree-loop-distribute-patterns", "-fno-stack-protector"],
  ...["-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack", "-Wl,--build-id=none", "-Wl,-s"],
];

const { values } = parseArgs({ args: argv.slice(2), options: { arch: { type: "string", default: arch } } });
const target = values.arch;
if (!Object.hasOwn(crossCompilers, target)) fail(`no system call numbers for ${target}: use x64 or arm64`);
const compiler = target === arch ? env.CC || "cc" : env.CROSS_CC || crossCompilers[target];

const here = import.meta.dirname;
const outDir = join(here, "../../../build");
const output = join(outDir, `laminate-linux-${target}.node`);
const partial = `${output}.${pid}`;
const headers = dirname(createRequire(import.meta.url).resolve("node-api-headers/include/node_api.h"));
mkdirSync(outDir, { recursive: true });

const sources = ["linux.c", "args.c", "binding.c"].map((name) => join(here, name));
const { error, status } = spawnSync(compiler, [...flags, `-I${headers}`, "-o", partial, ...sources], {
  stdio: "inherit",
});
if (error) fail(`cannot run the C compiler ${compiler}: ${error.message}; install one or set CC`);
if (status !== 0) fail(`${compiler} failed`);
// A running process may have the old file mapped.
renameSync(partial, output);

function fail(message) {
  stderr.write(`cannot build the addon: ${message}\n`);
  exit(1);
}
