import type { Command } from "../command.ts";
import { containerOptions, createContainer, createOptions } from "../container-options.ts";
import { attachOptions, requireTerminal, runInForeground, usageExitCode, withExitCode } from "../foreground.ts";

export const command: Command = {
  arguments: "<image> [command...]",
  options: [
    { flags: "-d, --detach", description: "run it in the background, and print its id" },
    ...containerOptions,
    ...attachOptions,
  ],
  examples: [
    "laminate run --rm debian cat /etc/os-release",
    "laminate run --name base-container -ti ubuntu",
    "laminate run --rm -e MODE=test -w /app app node app.js --port 80",
    "laminate run -d --name web app",
  ],
  stopsAtFirstArgument: true,
  usageExitCode,

  async run(context, words, options) {
    const detach = options.isOn("detach");
    const given = await createOptions(words, options, context.env);
    const create = { ...given, startsAtOnce: true, keepsInput: detach };
    if (!detach) requireTerminal(options.isOn("tty"), options.isOn("interactive"));
    try {
      const storage = await context.storage();
      const { containers } = storage;
      context.signal.throwIfAborted();
      const id = await createContainer(context, create, options);
      if (detach) {
        await containers.start(id);
        return { text: [id], document: { id } };
      }
      return { exitCode: await runInForeground(context, storage, id, options) };
    } catch (error) {
      throw withExitCode(error);
    }
  },
};
