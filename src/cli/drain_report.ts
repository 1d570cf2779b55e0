/** What a drain reports, read line by line, and its table at the end. Pure. */
import * as v from "valibot";
import { err, ok, type Result } from "../base/result.ts";

const counts = {
  devices: v.number(),
  waiting: v.number(),
  drained: v.number(),
  left: v.number(),
  returned: v.number(),
  away: v.number(),
};
const Line = v.variant("event", [
  v.object({ event: v.literal("begin"), devices: v.number(), perSecond: v.number(), shut: v.boolean() }),
  v.object({ event: v.literal("drained"), device: v.string(), fence: v.number() }),
  v.object({ event: v.literal("returned"), device: v.string(), fence: v.number(), afterMs: v.number() }),
  v.object({ event: v.literal("progress"), ...counts }),
  v.object({ event: v.literal("away"), device: v.string(), fence: v.number() }),
  v.object({ event: v.literal("end"), outcome: v.picklist(["done", "late", "stopped"]), ...counts, newcomers: v.number() }),
]);
export type DrainLine = v.InferOutput<typeof Line>;
export type DrainEnd = Extract<DrainLine, { event: "end" }>;

/** Devices named one by one in a table; the rest is counted. */
const NAMED = 20;

export function parseDrainLine(text: string): Result<DrainLine, "odd"> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return err("odd", `not JSON: ${text.slice(0, 80)}`);
  }
  const line = v.safeParse(Line, json);
  return line.success ? ok(line.output) : err("odd", `not a line of a drain: ${text.slice(0, 80)}`);
}

export const progressText = ({ devices, waiting, drained, returned, away }: Extract<DrainLine, { event: "progress" }>): string =>
  `${drained} of ${devices} closed, ${waiting} to go, ${returned} back, ${away} away`;

/** What is known at the end of a drain. */
export interface DrainSum {
  readonly end: DrainEnd;
  /** How long those took that came back to the gateway itself. */
  readonly afterMs: readonly number[];
  readonly returned: number;
  /** Gateway → devices that came to it. */
  readonly moved: ReadonlyMap<string, number>;
  /** Who is nowhere, in the order they were closed. */
  readonly away: readonly string[];
}

export function drainTable({ end, afterMs, returned, moved, away }: DrainSum): string {
  const sorted = afterMs.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  const rows: readonly (readonly [string, string | number])[] = [
    ["connected at the start", end.devices],
    ["drained", end.drained],
    ["left before their turn", end.left],
    ["returned", `${returned}${sorted.length === 0 ? "" : `, half within ${at(0.5)} ms, 99 % within ${at(0.99)} ms`}`],
    ...[...moved].map(([url, count]) => ["moved", `${count} to ${url}`] as const),
    ["not returned", away.length],
    ["newly come", end.newcomers],
  ];
  const names = away.slice(0, NAMED).map((id) => `  ${id}\n`).join("");
  const rest = away.length > NAMED ? `  and ${away.length - NAMED} more; --json names all\n` : "";
  return rows.map(([name, value]) => `${name.padEnd(24)}${value}\n`).join("") + names + rest;
}
