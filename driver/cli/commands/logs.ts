import type { LogLine } from "../../index.ts";
import type { Command } from "../command.ts";
import { parseCount, parseTime } from "../durations.ts";

export const command: Command = {
  arguments: "<container>",
  options: [
    { flags: "-f, --follow", description: "go on until it ends" },
    { flags: "-n, --tail <lines>", description: 'only the last ones, or "all"' },
    { flags: "-t, --timestamps", description: "with the time of each line" },
    { flags: "--since <time>", description: "a time, or a duration such as 10m" },
    { flags: "--until <time>", description: "a time, or a duration such as 10m" },
  ],
  examples: ["laminate logs web", "laminate logs -f -n 20 web", "laminate logs --since 10m -t web"],

  async run({ storage, signal, now }, [word = ""], options) {
    const { containers } = await storage();
    const [tail, since, until] = [options.text("tail"), options.text("since"), options.text("until")];
    const lines = containers.logs(word, {
      follow: options.isOn("follow"),
      signal,
      ...(tail !== undefined && tail !== "all" && { tail: parseCount("--tail", tail) }),
      ...(since !== undefined && { since: parseTime("--since", since, now) }),
      ...(until !== undefined && { until: parseTime("--until", until, now) }),
    });
    for await (const line of lines) await show(line, options.isOn("timestamps"));
    signal.throwIfAborted();
    return {};
  },
};

/** As it was written, on the stream it was written to: programs may colour their output. */
function show({ stream, time, text }: LogLine, withTime: boolean): Promise<void> {
  return new Promise((resolve) => {
    process[stream].write(withTime ? `${time} ${text}` : text, () => {
      resolve();
    });
  });
}
