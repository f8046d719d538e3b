import type { Command } from "../command.ts";
import { given, variables } from "../container-options.ts";
import { inForeground, requireTerminal, usageExitCode } from "../foreground.ts";

export const command: Command = {
  arguments: "<container> <command...>",
  options: [
    { flags: "-i, --interactive", description: "the program reads our standard input" },
    { flags: "-t, --tty", description: "the program has a terminal" },
    { flags: "-d, --detach", description: "do not wait for its end; it has no terminal then" },
    { flags: "-e, --env <variable>", description: "KEY=value, or KEY to pass ours on", repeatable: true },
    { flags: "--env-file <file>", description: "variables, one a line", repeatable: true },
    { flags: "-w, --workdir <dir>", description: "working directory in the container" },
    { flags: "-u, --user <user>", description: "name or uid, with :group or :gid" },
    { flags: "--privileged", description: "with all capabilities" },
  ],
  examples: ["laminate exec -ti web sh", "laminate exec -e DEBUG=1 -u www-data web env"],
  stopsAtFirstArgument: true,
  usageExitCode,

  async run(context, [container = "", ...words], options) {
    const tty = options.isOn("tty");
    const detach = options.isOn("detach");
    if (!detach) requireTerminal(tty, options.isOn("interactive"));
    const env = await variables(options, context.env);
    const { containers } = await context.storage();
    const run = {
      command: words,
      env,
      tty,
      detach,
      interactive: options.isOn("interactive"),
      privileged: options.isOn("privileged"),
      ...given("workdir", options.text("workdir")),
      ...given("user", options.text("user")),
    };
    const foreground = { passesSignals: true, detach: new AbortController() };
    return {
      exitCode: await inForeground(context, foreground, (onStart) => containers.exec(container, { ...run, onStart })),
    };
  },
};
