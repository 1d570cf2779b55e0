/** `berth conflicts`: which devices fight for one identity, and saying that somebody knows. */
import type { Command } from "commander";
import * as v from "valibot";
import { getJson, post } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { timeText } from "./event_line.ts";
import { durationText, originText } from "./history_view.ts";
import { addGatewayOptions, EXIT, fail, type Verb, wholeNumber } from "./verb.ts";

interface ConflictsOptions {
  readonly url: string;
  readonly token?: string;
  readonly acknowledge?: string;
  readonly all?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

const Origin = v.object({
  address: v.string(),
  port: v.number(),
  clientInstance: v.nullish(v.string()),
  fence: v.number(),
  since: v.number(),
  tls: v.nullish(v.string()),
  codec: v.nullish(v.string()),
});
const Movement = v.object({ km: v.number(), seconds: v.number(), kmh: v.nullable(v.number()) });
const Evidence = v.object({ rule: v.string(), differ: v.array(v.string()), movement: v.nullable(Movement) });
const Conflict = v.object({
  id: v.string(),
  device: v.string(),
  at: v.number(),
  verdict: v.string(),
  action: v.string(),
  alternations: v.number(),
  takeovers: v.number(),
  windowMs: v.number(),
  evidence: v.nullish(Evidence),
  origins: v.array(Origin),
  acknowledgedAt: v.nullable(v.number()),
});
type Conflict = v.InferOutput<typeof Conflict>;
const Page = v.object({ conflicts: v.array(v.unknown()) });

const HELP = `
A conflict is two live devices with one identity that take it from each other. It is told once, until it was acknowledged
and goes on for an hour, or until it has been quiet. With --json each line is a conflict as GET /v1/conflicts gives it.

  berth conflicts
  berth conflicts --acknowledge 1f0c2a.4711
`;

const NAME = 14;
const line = (name: string, value: string): string => `  ${name.padEnd(NAME)}${value}\n`;

export function conflictText(one: Conflict): string {
  const { origins, acknowledgedAt, evidence } = one;
  const between = origins.map((origin) => `${originText(origin)}, fence ${origin.fence}${sentText(origin)}`).join("  and  ");
  return [
    `${timeText(one.at)}  ${one.device}  ${one.verdict}\n`,
    line("between", between),
    line("evidence", `${one.takeovers} takeovers of a live holder, ${one.alternations} times back, within ${durationText(one.windowMs)}`),
    ...(evidence === null || evidence === undefined ? [] : evidenceLines(evidence)),
    line("action", one.action),
    line("acknowledged", acknowledgedAt === null ? `no: berth conflicts --acknowledge ${one.id}` : timeText(acknowledgedAt)),
  ].join("");
}

/** Nothing of it moves the cursor: digests and names of ciphers. */
const sentText = ({ tls, codec }: v.InferOutput<typeof Origin>): string =>
  [["codec", codec], ["tls", tls]].map(([name, value]) => (value === null || value === undefined ? "" : `, ${name} ${value}`)).join("");

function evidenceLines({ differ, movement }: v.InferOutput<typeof Evidence>): string[] {
  const lines = differ.length === 0 ? [] : [line("differ in", differ.map((name) => name.replace("_", " ")).join(", "))];
  if (movement !== null) {
    const { km, seconds, kmh } = movement;
    lines.push(line("one vehicle", `would have moved ${km} km in ${seconds} s${kmh === null ? "" : `, ${kmh} km/h`}`));
  }
  return lines;
}

async function acknowledge(platform: Platform, id: string, url: string, token?: string): Promise<number> {
  const answer = await post(url, `/v1/conflicts/${encodeURIComponent(id)}/acknowledge`, null, undefined, token);
  if (!answer.ok) return fail(platform, answer.message);
  await answer.value.body?.cancel();
  return EXIT.done;
}

async function show(platform: Platform, { url, token, all, limit, json }: ConflictsOptions): Promise<number> {
  const path = `/v1/conflicts?limit=${limit}${all === true ? "" : "&acknowledged=false"}`;
  const answer = await getJson(url, path, token);
  if (!answer.ok) return fail(platform, answer.message);
  const page = v.safeParse(Page, answer.value);
  const conflicts = page.success ? v.safeParse(v.array(Conflict), page.output.conflicts) : null;
  if (!page.success || conflicts?.success !== true) {
    return fail(platform, "Cannot read the answer of /v1/conflicts: it is not what this berth expects; are the versions the same?");
  }
  if (json === true) platform.writeOut(page.output.conflicts.map((one) => `${JSON.stringify(one)}\n`).join(""));
  else platform.writeOut(conflicts.output.length === 0 ? "No conflict is known.\n" : conflicts.output.map(conflictText).join("\n"));
  return EXIT.done;
}

export const addConflicts: Verb = (program, platform, end) => {
  const command: Command = program
    .command("conflicts")
    .description("list the identity conflicts nobody has acknowledged, or acknowledge one")
    .option("--acknowledge <ID>", "say that this one is known")
    .option("--all", "those that are acknowledged too")
    .option("--limit <N>", "at most this many", wholeNumber(1, 1000), 100)
    .option("--json", "one JSON object a line")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (options: ConflictsOptions) => {
    const { acknowledge: id } = options;
    end(await (id === undefined ? show(platform, options) : acknowledge(platform, id, options.url, options.token)));
  });
};
