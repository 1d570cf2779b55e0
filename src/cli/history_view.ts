/** Takeovers of a device for people: who lost it and who has it, side by side, and why. Pure. */
import * as v from "valibot";
import { plainText, timeText } from "./event_line.ts";

const Origin = v.object({ address: v.string(), port: v.number(), clientInstance: v.nullish(v.string()) });

/** A takeover as `GET /v1/devices/{id}/history` gives it, as far as this shows it. */
export const Takeover = v.object({
  at: v.number(),
  policy: v.string(),
  reason: v.string(),
  old: v.object({ fence: v.number(), origin: Origin, since: v.number(), lastByteAt: v.number(), records: v.number() }),
  new: v.object({ fence: v.number(), origin: Origin }),
  evidence: v.object({
    oldInFlight: v.number(),
    oldKernel: v.nullish(v.object({ lastAckAt: v.number(), rttMs: v.number(), retransmits: v.number() })),
    answered: v.nullable(v.boolean()),
    bytesAfter: v.nullable(v.boolean()),
    verdict: v.nullable(v.string()),
  }),
});
export type Takeover = v.InferOutput<typeof Takeover>;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The two largest units that say something: `850 ms`, `12.3 s`, `4 min 3 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < SECOND) return `${whole} ms`;
  if (whole < MINUTE) return `${(Math.floor(whole / 100) / 10).toFixed(1)} s`;
  const [unit, name, part, partName] = whole < HOUR
    ? [MINUTE, "min", SECOND, "s"] as const
    : whole < DAY
    ? [HOUR, "h", MINUTE, "min"] as const
    : [DAY, "d", HOUR, "h"] as const;
  return `${Math.floor(whole / unit)} ${name} ${Math.floor((whole % unit) / part)} ${partName}`;
}

export const originText = ({ address, port, clientInstance }: v.InferOutput<typeof Origin>): string =>
  plainText(`${address}:${port}${clientInstance ? ` (${clientInstance})` : ""}`);

const CAUSES: Readonly<Record<string, string>> = {
  superseded: "a newer connection took over",
  old_was_closing: "the old connection was closing already",
  probe_silent: "the old connection did not answer a probe",
  choice_late: "the other side did not choose in time",
};
const VERDICTS: Readonly<Record<string, string>> = {
  clone: "two live devices use this identity",
  nat_rebind: "the device came back from another address, the old one was dead",
  flaky_link: "the device came back, its old connection was dead",
  restart_loop: "the device starts again and again",
};

function heard({ answered, bytesAfter }: Takeover["evidence"]): string {
  if (answered === null) return "not known";
  if (bytesAfter === true) return "yes, it still sent bytes";
  return answered ? "yes, its stack answered" : "no, it was dead";
}

/** What its kernel had said when it was asked last. */
function kernelRows({ at, evidence: { oldKernel } }: Takeover): string[] {
  if (oldKernel === null || oldKernel === undefined) return [];
  const { lastAckAt, rttMs, retransmits } = oldKernel;
  const again = retransmits === 0 ? "" : `, ${retransmits} retransmissions`;
  return [row("last ack", `${durationText(at - lastAckAt)} before, round trip ${rttMs.toFixed(1)} ms${again}`)];
}

/** Who holds the device now. */
export interface Present {
  readonly connected: boolean;
  readonly fence: number;
}

function heldFor(takeovers: readonly Takeover[], index: number, present: Present | null, now: number): string {
  const one = takeovers[index]!;
  const next = takeovers[index - 1];
  if (next !== undefined && next.old.fence === one.new.fence) return durationText(next.at - one.at);
  if (index === 0 && present?.connected === true && present.fence === one.new.fence) return `${durationText(now - one.at)}, until now`;
  return "until it left by itself";
}

const ROW = 12;
const COLUMN = 32;
const row = (name: string, old: string, next = ""): string => `  ${name.padEnd(ROW)}${old.padEnd(COLUMN)}${next}`.trimEnd();

/** Newest first, as they are given. */
export function historyText(takeovers: readonly Takeover[], present: Present | null, now: number): string {
  if (takeovers.length === 0) return "No takeover is known.\n";
  const blocks = takeovers.map((one, index) => {
    const { old, evidence, reason, policy, at } = one;
    const lines = [
      `${timeText(at)}  ${CAUSES[reason] ?? reason}, policy ${policy}`,
      row("", "OLD", "NEW"),
      row("from", originText(old.origin), originText(one.new.origin)),
      row("fence", String(old.fence), String(one.new.fence)),
      row("since", timeText(old.since), timeText(at)),
      row("held it", durationText(at - old.since), heldFor(takeovers, index, present, now)),
      row("last byte", `${durationText(at - old.lastByteAt)} before`),
      ...kernelRows(one),
      row("in flight", `${evidence.oldInFlight} frames`),
      row("records", String(old.records)),
      row("heard after", heard(evidence)),
    ];
    if (evidence.verdict !== null) {
      lines.push(row("verdict", `${evidence.verdict}: ${VERDICTS[evidence.verdict] ?? ""}`.replace(/: $/, "")));
    }
    return `${lines.join("\n")}\n`;
  });
  return blocks.join("\n");
}
