import type { Command } from "../command.ts";
import { containerOptions, createContainer, createOptions } from "../container-options.ts";
import { UsageError } from "../errors.ts";
import { inForeground, requireTerminal, usageExitCode, withExitCode } from "../foreground.ts";

export const command: Command = {
  arguments: "<image> [command...]",
  options: [{ flags: "-d, --detach", description: "run it in the background, and print its id" }, ...containerOptions],
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
    const create = { ...(await createOptions(words, options, context.env)), startsAtOnce: true };
    const tty = create.tty === true;
    if (!detach) requireTerminal(tty);
    else if (tty) throw new UsageError("-d and -t do not go together: a terminal is had in the foreground only");
    try {
      const storage = await context.storage();
      const { containers } = storage;
      context.signal.throwIfAborted();
      const id = await createContainer(context, create, options);
      if (detach) {
        await containers.start(id);
        return { text: [id], document: { id } };
      }
      const { signal } = context;
      return {
        exitCode: await inForeground(context, tty, (onStart) => {
          return containers.run(id, { stdio: "inherit", signal, onStart });
        }),
      };
    } catch (error) {
      throw withExitCode(error);
    }
  },
};
