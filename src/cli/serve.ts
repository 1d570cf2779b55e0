/** `berth serve`: one gateway, until it is told to stop. Owns the main thread. */
import { cautions } from "../config/cautions.ts";
import type { Settings } from "../config/settings.ts";
import { readConfigSchemas } from "../engine/config_schemas.ts";
import { supervise, type SupervisorLog } from "../engine/supervisor.ts";
import type { Platform } from "../platform/port.ts";

/** Resolves with the exit code (see `supervise`); the caller exits the process with it at once. */
export async function serve(settings: Settings, platform: Platform, log: SupervisorLog): Promise<number> {
  const schemas = await readConfigSchemas(platform, settings);
  if (!schemas.ok) {
    log.fatal({ fault: schemas.fault }, schemas.message);
    return 1;
  }
  for (const text of cautions(settings)) log.warn({}, text);
  return supervise(settings, platform, log);
}
