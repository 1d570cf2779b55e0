/** The effective settings as a TOML file, each with where its value comes from: what `berth check` prints. Pure. */
import type { Config } from "./load.ts";
import { explainPeers } from "./peers.ts";
import { explainPolicies } from "./policies.ts";
import { sectionOf } from "./setting.ts";

const COLUMN = 44;

/** Lines of TOML; the top keys first, then a table each, then classes, devices and peers. What is not a default is marked with its source. */
export function explain({ effective, settings }: Config): string {
  const lines: string[] = [];
  let section = "";
  for (const { setting, value, source } of effective) {
    const here = sectionOf(setting.key);
    if (here !== section) lines.push("", `[${here}]`);
    section = here;
    lines.push(`${`${setting.key.slice(here === "" ? 0 : here.length + 1)} = ${JSON.stringify(value)}`.padEnd(COLUMN)} # ${source}`);
  }
  lines.push(...explainPolicies(settings.policies), ...explainPeers(settings.peers));
  return `${lines.join("\n")}\n`;
}
