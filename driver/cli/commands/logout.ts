import { logout } from "../../index.ts";
import type { Command } from "../command.ts";
import { registryDomain } from "../registry-domain.ts";

export const command: Command = {
  arguments: "[server]",
  options: [{ flags: "--authfile <file>", description: "where the credentials are ($REGISTRY_AUTH_FILE)" }],
  examples: ["laminate logout localhost:5000"],

  async run(_context, [server], options) {
    const domain = registryDomain(server);
    const had = await logout(domain, { authFile: options.text("authfile") });
    return { text: [had ? `Removing login credentials for ${domain}` : `Not logged in to ${domain}`] };
  },
};
