/** The effective settings as a TOML file, each with where its value comes from: what `berth check` prints. Pure. */
import type { Effective } from "./load.ts";
import { sectionOf } from "./setting.ts";

const COLUMN = 44;

/** Lines of TOML; the top keys first, then a table each. What is not a default is marked with its source. */
export function explain(effective: readonly Effective[]): string {
  const lines: string[] = [];
  let section = "";
  for (const { setting, value, source } of effective) {
    const here = sectionOf(setting.key);
    if (here !== section) lines.push("", `[${here}]`);
    section = here;
    lines.push(`${`${setting.key.slice(here === "" ? 0 : here.length + 1)} = ${JSON.stringify(value)}`.padEnd(COLUMN)} # ${source}`);
  }
  return `${lines.join("\n")}\n`;
}
