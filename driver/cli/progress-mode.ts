import type { ProgressMode, ProgressStream } from "./progress-view.ts";

export const progressChoices = ["auto", "tty", "plain", "json", "none"] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** "auto" draws only for people: a terminal that can, outside of continuous integration. */
export function progressMode(wanted: string | undefined, stream: ProgressStream, env: Environment): ProgressMode {
  if (wanted === "tty" || wanted === "plain" || wanted === "json" || wanted === "none") return wanted;
  const isDumb = (env["TERM"] ?? "dumb") === "dumb";
  const isCi = (env["CI"] ?? "") !== "" && env["CI"] !== "false";
  return stream.isTTY === true && !isDumb && !isCi ? "tty" : "plain";
}
