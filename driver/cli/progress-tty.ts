/** A lane for each layer at work, redrawn in place. */
import type { LayerProgress } from "../index.ts";
import { ellipsis } from "./format.ts";
import { type Lane, laneText, newLane } from "./progress-lane.ts";
import type { ProgressStream, ProgressView } from "./progress-view.ts";

const redrawMs = 80;
const rank = { fetching: 0, extracting: 0, pushing: 0, waiting: 1, done: 2, reused: 2 } as const;
const colors = { waiting: 2, fetching: 34, extracting: 36, pushing: 34, done: 32, reused: 2 } as const;

export class TtyProgress implements ProgressView {
  readonly #stream: ProgressStream;
  readonly #hasColor: boolean;
  readonly #lanes = new Map<string, Lane>();
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ProgressStream, { hasColor }: { readonly hasColor: boolean }) {
    this.#stream = stream;
    this.#hasColor = hasColor;
  }

  update(progress: LayerProgress): void {
    const key = `${progress.image} ${progress.layer}`;
    this.#lanes.set(key, newLane(progress, this.#lanes.get(key)));
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
  #visible(): readonly Lane[] {
    const lanes = [...this.#lanes.values()];
    const room = Math.max(1, (this.#stream.rows ?? 24) - 1);
    if (lanes.length <= room) return lanes;
    return lanes.toSorted((a, b) => rank[a.progress.phase] - rank[b.progress.phase]).slice(0, room);
  }

  #draw(lanes: readonly Lane[]): void {
    const width = Math.max(20, (this.#stream.columns ?? 80) - 1);
    const nowMs = performance.now();
    const lines = lanes.map((lane) => {
      const text = ellipsis(laneText(lane, nowMs), width);
      return `\r${this.#painted(lane.progress.phase, text)}\u001b[K\n`;
    });
    const up = this.#drawnLines === 0 ? "" : `\u001b[${this.#drawnLines}A`;
    this.#stream.write(`${up}${lines.join("")}\u001b[J`);
    this.#drawnLines = lines.length;
  }

  #painted(phase: LayerProgress["phase"], text: string): string {
    return this.#hasColor ? `\u001b[${colors[phase]}m${text}\u001b[0m` : text;
  }
}
