/** `berth serve` on the command line: its flags, the configuration, and then the gateway. */
import { Option } from "commander";
import { faultPoints } from "../base/fault_point.ts";
import { SETTINGS } from "../config/setting.ts";
import type { Platform } from "../platform/port.ts";
import { createLog } from "../telemetry/log.ts";
import { serve } from "./serve.ts";
import { readConfig } from "./settings_input.ts";
import { fail, type Verb } from "./verb.ts";

const SHAPES: Readonly<Record<string, string>> = {
  "--data": "DIR",
  "--workers": "N",
  "--policy": "NAME",
  "--unknown-devices": "WHAT",
  "--log-level": "LEVEL",
  "--tcp": "HOST:PORT",
  "--udp": "HOST:PORT|off",
  "--http": "HOST:PORT",
};

const HELP = `
Every setting has one name in three spellings; a flag beats the environment, the environment beats the file:
  [tcp] idle_timeout_ms = 60000       in the file
  BERTH_TCP__IDLE_TIMEOUT_MS=60000    in the environment
  --tcp 0.0.0.0:5027                  as a flag, for the common ones
"berth check" lists all of them.

When all listeners are open, one JSON line is printed on standard output; the log is JSON lines on standard error.
SIGTERM and SIGINT shut down in order: exit status 0, or 1 when [process] shutdown_hard_ms has passed. A second signal ends at
once (143, 130). A second gateway on the same data directory is refused.

  berth serve --data /var/lib/berth --tcp 0.0.0.0:5027 --log-level warn
`;

async function endWithInput(platform: Pick<Platform, "stdin" | "terminate">): Promise<void> {
  const input = platform.stdin().getReader();
  try {
    while (!(await input.read()).done);
  } finally {
    platform.terminate();
  }
}

export const addServe: Verb = (program, platform, end) => {
  const command = program
    .command("serve")
    .description("run the gateway")
    .option("--config <FILE>", "settings as TOML")
    .addHelpText("after", HELP);
  for (const { flag, why, initial } of SETTINGS) {
    if (flag !== null) command.option(`${flag} <${SHAPES[flag] ?? "VALUE"}>`, `${why} (default: ${initial})`);
  }
  command.option("--until-eof", "end as by SIGTERM when standard input ends: for a program that must not leave its gateway behind");
  command.addOption(new Option("--redis <URL>", "not built yet").hideHelp());
  command.action(async ({ untilEof, ...options }: Record<string, string | undefined> & { readonly untilEof?: true }) => {
    if (untilEof === true) void endWithInput(platform);
    const config = readConfig(platform, options["config"] ?? null, options);
    if (!config.ok) return end(fail(platform, config.message));
    try {
      faultPoints(platform.env("BERTH_FAULTS"));
    } catch (error) {
      return end(fail(platform, `BERTH_FAULTS: ${(error as Error).message}`));
    }
    const { settings } = config.value;
    end(await serve(settings, platform, createLog(platform, settings.logLevel, { pid: platform.pid })));
  });
};
