/** A lane for each layer at work, redrawn in place. */
import type { LayerProgress } from "../index.ts";
import { ellipsis, humanSize, printable, shortId } from "./format.ts";
import type { ProgressStream, ProgressView } from "./progress-view.ts";

const redrawMs = 80;
const barCells = 30;

export class TtyProgress implements ProgressView {
  readonly #stream: ProgressStream;
  readonly #hasColor: boolean;
  readonly #lanes = new Map<string, LayerProgress>();
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ProgressStream, { hasColor }: { readonly hasColor: boolean }) {
    this.#stream = stream;
    this.#hasColor = hasColor;
  }

  update(progress: LayerProgress): void {
    this.#lanes.set(`${progress.image} ${progress.layer}`, progress);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw(this.#visible());
    }, redrawMs).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draw([...this.#lanes.values()]);
    this.#drawnLines = 0;
    this.#lanes.clear();
  }

  /** As many as fit, those at work first: a line that has scrolled away cannot be redrawn. */
  #visible(): readonly LayerProgress[] {
    const lanes = [...this.#lanes.values()];
    const room = Math.max(1, (this.#stream.rows ?? 24) - 1);
    if (lanes.length <= room) return lanes;
    const rank = { extracting: 0, waiting: 1, done: 2, reused: 2 } as const;
    return lanes.toSorted((a, b) => rank[a.phase] - rank[b.phase]).slice(0, room);
  }

  #draw(lanes: readonly LayerProgress[]): void {
    const width = Math.max(20, (this.#stream.columns ?? 80) - 1);
    const lines = lanes.map((lane) => `\r${this.#painted(lane.phase, ellipsis(laneText(lane), width))}\u001b[K\n`);
    const up = this.#drawnLines === 0 ? "" : `\u001b[${this.#drawnLines}A`;
    this.#stream.write(`${up}${lines.join("")}\u001b[J`);
    this.#drawnLines = lines.length;
  }

  #painted(phase: LayerProgress["phase"], text: string): string {
    const color = { waiting: 2, extracting: 36, done: 32, reused: 2 }[phase];
    return this.#hasColor ? `\u001b[${color}m${text}\u001b[0m` : text;
  }
}

function laneText({ image, layer, phase, doneBytes, totalBytes }: LayerProgress): string {
  const place = `${printable(image)} ${shortId(layer)}`;
  if (phase !== "extracting") return `${place} ${phase}${phase === "done" ? ` ${humanSize(totalBytes)}` : ""}`;
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const full = Math.round(share * barCells);
  return `${place} [${"#".repeat(full)}${".".repeat(barCells - full)}] ${humanSize(doneBytes)}/${humanSize(totalBytes)}`;
}
