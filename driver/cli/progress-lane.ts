/** One layer at work, as a line of text. */
import type { LayerProgress } from "../index.ts";
import { humanSize, printable, shortId } from "./format.ts";

const barCells = 30;

/** Milliseconds that a lane has to be at work before its speed is worth showing. */
const leastMeasureMs = 500;

const moving: readonly LayerProgress["phase"][] = ["fetching", "extracting", "pushing"];

/** A layer, and where its phase began. */
export interface Lane {
  readonly progress: LayerProgress;
  readonly sinceMs: number;
  readonly sinceBytes: number;
}

/** @param former of the same layer. */
export function newLane(progress: LayerProgress, former: Lane | undefined): Lane {
  const isSame = former?.progress.phase === progress.phase;
  const { sinceMs, sinceBytes } = isSame ? former : { sinceMs: performance.now(), sinceBytes: progress.doneBytes };
  return { progress, sinceMs, sinceBytes };
}

export function laneText({ progress, sinceMs, sinceBytes }: Lane, nowMs: number): string {
  const { image, layer, phase, doneBytes, totalBytes } = progress;
  const place = `${printable(image)} ${shortId(layer)}`;
  if (!moving.includes(phase)) return `${place} ${phase}${phase === "done" ? ` ${humanSize(totalBytes)}` : ""}`;
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const full = Math.round(share * barCells);
  const bar = `[${"#".repeat(full)}${".".repeat(barCells - full)}]`;
  const counted = `${humanSize(doneBytes)}/${humanSize(totalBytes)}`;
  return `${place} ${phase} ${bar} ${counted}${speedText(nowMs - sinceMs, doneBytes - sinceBytes, totalBytes - doneBytes)}`;
}

/** " 12MB/s 5s": how fast, and how long it will take. */
function speedText(ms: number, bytes: number, leftBytes: number): string {
  if (ms < leastMeasureMs || bytes <= 0) return "";
  const perSecond = (bytes / ms) * 1000;
  return ` ${humanSize(Math.round(perSecond))}/s ${Math.ceil(leftBytes / perSecond)}s`;
}
