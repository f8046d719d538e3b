import type { Command } from "../command.ts";
import { containerOptions, createContainer, createOptions } from "../container-options.ts";
import { usageExitCode, withExitCode } from "../foreground.ts";

export const command: Command = {
  arguments: "<image> [command...]",
  options: containerOptions,
  examples: ["laminate create --name web app", "laminate start web"],
  stopsAtFirstArgument: true,
  usageExitCode,

  async run(context, words, options) {
    const create = await createOptions(words, options, context.env);
    try {
      const id = await createContainer(context, create, options);
      return { text: [id], document: { id } };
    } catch (error) {
      throw withExitCode(error);
    }
  },
};
