import { text } from "node:stream/consumers";
import { login } from "../../index.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../errors.ts";
import { askHidden, askLine } from "../ask.ts";
import { registryDomain } from "../registry-domain.ts";
import { registryOptions, registrySettings } from "../registry-options.ts";

export const command: Command = {
  arguments: "[server]",
  options: [
    { flags: "-u, --username <name>", description: "who to be" },
    { flags: "-p, --password <word>", description: "others on this machine may see it: rather use --password-stdin" },
    { flags: "--password-stdin", description: "read the password from standard input" },
    ...registryOptions,
  ],
  examples: ["laminate login localhost:5000", "pass registry | laminate login -u me --password-stdin registry.example"],

  async run({ signal }, [server], options) {
    const domain = registryDomain(server);
    const fromStdin = options.isOn("password-stdin");
    const given = options.text("password");
    if (given !== undefined && fromStdin)
      throw new UsageError("--password and --password-stdin are mutually exclusive");
    if (fromStdin && options.text("username") === undefined)
      throw new UsageError("must provide --username with --password-stdin");
    if (given !== undefined) {
      process.stderr.write("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    }
    if (!fromStdin && given === undefined && !process.stdin.isTTY) {
      throw new UsageError("standard input is no terminal to ask on: give --username and --password-stdin");
    }
    const username = options.text("username") ?? (await askLine("Username: ", signal));
    const password = fromStdin ? await passwordIn() : (given ?? (await askHidden("Password: ", signal)));
    if (password === "") throw new UsageError("password is empty");
    const kept = await login(domain, { ...registrySettings(options), username, password, signal });
    return { text: ["Login Succeeded"], document: { server: domain, keptIn: kept } };
  },
};

/** Without the line's end that echo puts there. */
async function passwordIn(): Promise<string> {
  return (await text(process.stdin)).replace(/\r?\n$/, "");
}
