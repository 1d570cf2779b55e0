/** `berth check FILE`: is this configuration good, and what does it come to? */
import { cautions } from "../config/cautions.ts";
import { explain } from "../config/explain.ts";
import type { Settings } from "../config/settings.ts";
import { readConfigSchemas } from "../engine/config_schemas.ts";
import { readTls, readTlsOffer } from "../engine/tls_files.ts";
import type { Platform } from "../platform/port.ts";
import { readConfig } from "./settings_input.ts";
import { EXIT, fail, type Verb } from "./verb.ts";

const HELP = `
Prints every setting as a TOML file, each with where its value comes from: default, FILE:LINE, or the variable of the
environment that overrides it. Mistakes are named with file, line, key and what is allowed, a JSON Schema, a
certificate or a key that cannot be used with its reason, and the exit status is 1.

  berth check berth.toml && berth serve --config berth.toml
`;

/** What is wrong with the certificates and keys that are named; null: nothing. */
function tlsFault(platform: Platform, { tls, tcp }: Settings): string | null {
  try {
    readTls(platform, tls);
    if (tcp.tls !== null) readTlsOffer(platform, tcp.tls);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

export const addCheck: Verb = (program, platform, end) => {
  program
    .command("check")
    .description("validate a configuration file and print the effective settings")
    .argument("[FILE]", "a TOML file; without one, the defaults and the environment")
    .addHelpText("after", HELP)
    .action(async (path: string | undefined) => {
      const config = readConfig(platform, path ?? null, {});
      if (!config.ok) return end(fail(platform, config.message));
      const schemas = await readConfigSchemas(platform, config.value.settings);
      if (!schemas.ok) return end(fail(platform, schemas.message));
      const fault = tlsFault(platform, config.value.settings);
      if (fault !== null) return end(fail(platform, fault));
      for (const text of cautions(config.value.settings)) platform.writeErr(`berth: ${text}\n`);
      platform.writeOut(explain(config.value));
      end(EXIT.done);
    });
};
