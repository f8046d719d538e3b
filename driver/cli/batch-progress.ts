/**
 * Progress of a batch on standard error. `tty`: a line for all of it, and a lane for each layer at work. `plain`: a line an
 * image. `json`: events of layers as a pull has them, and with `type` "image" and "batch" those of images and of the whole,
 * all with `time` (RFC 3339).
 */
import type { ImageEvent, ImportEvent, LayerEvent, PlannedWork } from "../index.ts";
import { ellipsis, familiarName, humanSize, printable } from "./format.ts";
import { laneText, newLane, type Lane } from "./progress-lane.ts";
import type { ProgressMode, ProgressStream } from "./progress-view.ts";

export interface BatchView {
  planned(work: PlannedWork): void;
  update(event: ImportEvent): void;
  /** Leaves the screen as it is to stay. */
  end(): void;
}

/** What the whole is at. */
interface Counts {
  readonly images: number;
  readonly imported: number;
  readonly present: number;
  readonly failed: number;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

const redrawMs = 100;
const mostLanes = 12;
const jsonIntervalMs = 100;
const barCells = 30;

export function createBatchView(
  mode: ProgressMode,
  stream: ProgressStream,
  env: Readonly<Record<string, string | undefined>>,
): BatchView {
  switch (mode) {
    case "tty":
      return new TtyView(stream, (env["NO_COLOR"] ?? "") === "");
    case "plain":
      return new PlainView(stream);
    case "json":
      return new JsonView(stream);
    case "none":
      return { planned: () => undefined, update: () => undefined, end: () => undefined };
  }
}

/** Adds up events: every layer counts once, however many images have it. */
class Tally {
  #work: PlannedWork = { images: 0, present: 0, failed: 0, fetchBytes: 0 };
  readonly #layers = new Map<string, number>();
  #imported = 0;
  #present = 0;
  #failed = 0;

  begin(work: PlannedWork): void {
    this.#work = work;
    this.#failed = work.failed;
  }

  add(event: ImportEvent): void {
    if (event.type === "layer") {
      const isComing = event.phase === "fetching" || event.phase === "extracting" || event.phase === "done";
      const before = this.#layers.get(event.layer) ?? 0;
      if (isComing) this.#layers.set(event.layer, Math.max(before, event.doneBytes));
    } else if (event.status === "imported") this.#imported++;
    else if (event.status === "present") this.#present++;
    else if (event.status === "failed") this.#failed++;
  }

  get ended(): number {
    return this.#imported + this.#present + this.#failed;
  }

  get counts(): Counts {
    const doneBytes = [...this.#layers.values()].reduce((sum, bytes) => sum + bytes, 0);
    return {
      ...{ images: this.#work.images, imported: this.#imported, present: this.#present, failed: this.#failed },
      ...{ doneBytes, totalBytes: Math.max(this.#work.fetchBytes, doneBytes) },
    };
  }
}

class PlainView implements BatchView {
  readonly #stream: ProgressStream;
  readonly #tally = new Tally();
  readonly #presentShown = 5;
  #presents = 0;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  planned(work: PlannedWork): void {
    this.#tally.begin(work);
    const { images, present, failed, fetchBytes } = work;
    const problems = failed === 0 ? "" : `, ${failed} cannot be resolved`;
    this.#stream.write(`${images} images: ${present} are here${problems}, ${humanSize(fetchBytes)} to fetch\n`);
  }

  update(event: ImportEvent): void {
    this.#tally.add(event);
    if (event.type !== "image" || event.status === "started") return;
    if (event.status === "present" && ++this.#presents > this.#presentShown) return;
    this.#stream.write(`(${this.#tally.ended}/${this.#tally.counts.images}) ${imageText(event)}\n`);
  }

  end(): void {
    const more = this.#presents - this.#presentShown;
    if (more > 0) this.#stream.write(`${more} more are here\n`);
    this.#presents = 0;
  }
}

function imageText(event: ImageEvent): string {
  const { status, error, fetchedBytes, elapsedMs } = event;
  const name = nameOf(event);
  if (status === "present") return `${name}: is here`;
  if (status === "failed") return `${name}: failed: ${printable(error?.message ?? "")}`;
  const seconds = (elapsedMs / 1000).toFixed(1);
  return `${name}: imported, ${humanSize(fetchedBytes)} fetched in ${seconds}s`;
}

function nameOf({ source, platform }: ImageEvent): string {
  const name = printable(familiarName(source));
  return platform === null ? name : `${name} (${printable(platform)})`;
}

class JsonView implements BatchView {
  readonly #stream: ProgressStream;
  readonly #tally = new Tally();
  readonly #last = new Map<string, { readonly phase: LayerEvent["phase"]; readonly atMs: number }>();

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  planned(work: PlannedWork): void {
    this.#tally.begin(work);
    this.#write({ type: "batch", ...this.#tally.counts, present: work.present });
  }

  update(event: ImportEvent): void {
    this.#tally.add(event);
    if (event.type === "layer") {
      const key = `${event.image} ${event.layer}`;
      const last = this.#last.get(key);
      const atMs = Date.now();
      if (last?.phase === event.phase && atMs - last.atMs < jsonIntervalMs) return;
      this.#last.set(key, { phase: event.phase, atMs });
    }
    this.#write(event);
    if (event.type === "image" && event.status !== "started") this.#write({ type: "batch", ...this.#tally.counts });
  }

  end(): void {
    this.#last.clear();
  }

  #write({ type, ...fields }: ImportEvent | ({ readonly type: "batch" } & Counts)): void {
    this.#stream.write(`${JSON.stringify({ type, time: new Date().toISOString(), ...fields })}\n`);
  }
}

class TtyView implements BatchView {
  readonly #stream: ProgressStream;
  readonly #hasColor: boolean;
  readonly #tally = new Tally();
  readonly #lanes = new Map<string, Lane>();
  readonly #said: string[] = [];
  #beganMs = performance.now();
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ProgressStream, hasColor: boolean) {
    this.#stream = stream;
    this.#hasColor = hasColor;
  }

  planned(work: PlannedWork): void {
    this.#tally.begin(work);
    this.#beganMs = performance.now();
    this.#drawSoon();
  }

  update(event: ImportEvent): void {
    this.#tally.add(event);
    if (event.type === "image") {
      if (event.status === "failed") this.#said.push(imageText(event));
    } else if (event.phase === "fetching" || event.phase === "extracting") {
      this.#lanes.set(event.layer, newLane(event, this.#lanes.get(event.layer)));
    } else if (event.phase === "done") {
      this.#lanes.delete(event.layer);
    }
    this.#drawSoon();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lanes.clear();
    if (this.#tally.counts.images > 0) this.#draw();
    this.#drawnLines = 0;
  }

  #drawSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, redrawMs).unref();
  }

  #draw(): void {
    const width = Math.max(20, (this.#stream.columns ?? 80) - 1);
    const nowMs = performance.now();
    const room = Math.max(0, Math.min(mostLanes, (this.#stream.rows ?? 24) - 2));
    const lanes = [...this.#lanes.values()].slice(0, room).map((lane) => laneText(lane, nowMs));
    // What failed stays above, and scrolls away.
    const said = this.#said.splice(0).map((text) => `\r${this.#painted(31, ellipsis(text, width))}\u001b[K\n`);
    const own = [this.#overall(nowMs), ...lanes].map(
      (text, at) => `\r${this.#painted(at === 0 ? 1 : 34, ellipsis(text, width))}\u001b[K\n`,
    );
    const up = this.#drawnLines === 0 ? "" : `\u001b[${this.#drawnLines}A`;
    this.#stream.write(`${up}${said.join("")}${own.join("")}\u001b[J`);
    this.#drawnLines = own.length;
  }

  #overall(nowMs: number): string {
    const { images, failed, doneBytes, totalBytes } = this.#tally.counts;
    const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
    const full = Math.round(share * barCells);
    const bar = `[${"#".repeat(full)}${".".repeat(barCells - full)}]`;
    const ms = nowMs - this.#beganMs;
    const perSecond = ms === 0 ? 0 : (doneBytes / ms) * 1000;
    const left =
      perSecond === 0 || doneBytes >= totalBytes ? "" : ` ${Math.ceil((totalBytes - doneBytes) / perSecond)}s`;
    const problems = failed === 0 ? "" : `, ${failed} failed`;
    const bytes = `${humanSize(doneBytes)}/${humanSize(totalBytes)} ${humanSize(Math.round(perSecond))}/s${left}`;
    return `${this.#tally.ended}/${images} images${problems} ${bar} ${bytes}`;
  }

  #painted(color: number, text: string): string {
    return this.#hasColor ? `\u001b[${color}m${text}\u001b[0m` : text;
  }
}
