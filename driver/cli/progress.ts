/**
 * Progress of layers on standard error.
 *
 * `tty`: a lane a layer, redrawn in place. `plain`: one line a change of state. `json`: one JSON object a line with
 * `type` ("layer"), `time` (RFC 3339), `image`, `layer` (digest), `phase` ("waiting", "fetching", "extracting",
 * "pushing", "done" or "reused"), `doneBytes` and `totalBytes`; more types may come, more fields too. `none`: nothing.
 */
import type { LayerProgress } from "../index.ts";
import { humanSize, printable, shortId } from "./format.ts";
import { TtyProgress } from "./progress-tty.ts";
import type { ProgressMode, ProgressStream, ProgressView } from "./progress-view.ts";

export { progressMode } from "./progress-mode.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function createProgress(mode: ProgressMode, stream: ProgressStream, env: Environment): ProgressView {
  switch (mode) {
    case "tty":
      return new TtyProgress(stream, { hasColor: (env["NO_COLOR"] ?? "") === "" });
    case "plain":
      return new PlainProgress(stream);
    case "json":
      return new JsonProgress(stream);
    case "none":
      return { update: () => undefined, end: () => undefined };
  }
}

class PlainProgress implements ProgressView {
  readonly #stream: ProgressStream;
  readonly #phases = new Map<string, LayerProgress["phase"]>();

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update({ image, layer, phase, totalBytes }: LayerProgress): void {
    const key = `${image} ${layer}`;
    if (this.#phases.get(key) === phase) return;
    this.#phases.set(key, phase);
    const size = phase === "waiting" || phase === "reused" ? "" : ` ${humanSize(totalBytes)}`;
    this.#stream.write(`${printable(image)}: ${shortId(layer)}: ${phase}${size}\n`);
  }

  end(): void {
    this.#phases.clear();
  }
}

/** Events of one phase are at least this far apart. */
const jsonIntervalMs = 100;

class JsonProgress implements ProgressView {
  readonly #stream: ProgressStream;
  readonly #last = new Map<string, { phase: LayerProgress["phase"]; atMs: number }>();

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update(progress: LayerProgress): void {
    const key = `${progress.image} ${progress.layer}`;
    const last = this.#last.get(key);
    const nowMs = Date.now();
    if (last?.phase === progress.phase && nowMs - last.atMs < jsonIntervalMs) return;
    this.#last.set(key, { phase: progress.phase, atMs: nowMs });
    this.#stream.write(`${JSON.stringify({ type: "layer", time: new Date(nowMs).toISOString(), ...progress })}\n`);
  }

  end(): void {
    this.#last.clear();
  }
}
