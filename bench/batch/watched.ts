/** A program with what it took: time, and of its own process the most memory, open files and sockets. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Watched {
  readonly seconds: number;
  readonly peakMegabytes: number;
  readonly peakFiles: number;
  readonly peakSockets: number;
}

const pollMs = 50;

export async function watched(program: string, words: readonly string[], cwd = "/"): Promise<Watched> {
  const beganMs = performance.now();
  const child = spawn(program, words, { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  let [peakMegabytes, peakFiles, peakSockets] = [0, 0, 0];
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${String(child.pid)}/status`, "utf8");
      peakMegabytes = Math.max(peakMegabytes, Number(/VmHWM:\s+([0-9]+)/.exec(status)?.[1] ?? 0) / 1000);
      const fds = readdirSync(`/proc/${String(child.pid)}/fd`);
      peakFiles = Math.max(peakFiles, fds.length);
      const isSocket = (fd: string): boolean =>
        readlinkSync(`/proc/${String(child.pid)}/fd/${fd}`).startsWith("socket:");
      peakSockets = Math.max(peakSockets, fds.filter(isSocket).length);
    } catch {
      // It has ended, or closed one meanwhile.
    }
  }, pollMs);
  const [code] = (await once(child, "close")) as [number];
  clearInterval(timer);
  if (code !== 0) throw new Error(`${program} ${words.slice(0, 6).join(" ")} … ended with ${code}: ${said}`);
  return { seconds: (performance.now() - beganMs) / 1000, peakMegabytes, peakFiles, peakSockets };
}
