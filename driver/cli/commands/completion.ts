import type { Command } from "../command.ts";
import { completionScripts } from "../completion-scripts.ts";
import { UsageError } from "../errors.ts";

export const command: Command = {
  arguments: "<shell>",
  options: [],
  examples: [
    "source <(laminate completion bash)",
    "laminate completion bash > /etc/bash_completion.d/laminate",
    'laminate completion zsh > "${fpath[1]}/_laminate"',
    "laminate completion fish > ~/.config/fish/completions/laminate.fish",
  ],

  run(_context, [shell = ""]) {
    if (!(shell === "bash" || shell === "zsh" || shell === "fish")) {
      throw new UsageError(`there is a completion for bash, zsh and fish, not for ${JSON.stringify(shell)}`);
    }
    return Promise.resolve({ text: [completionScripts[shell].trimEnd()] });
  },
};
