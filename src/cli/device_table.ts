/** Devices as a table, and one device in full. Pure. */
import * as v from "valibot";
import { timeText } from "./event_line.ts";

const Position = v.object({ time: v.number(), lat: v.number(), lon: v.number(), speed: v.number(), satellites: v.number() });

/** A device as `GET /v1/devices` gives it, as far as this shows it. */
export const Device = v.object({
  id: v.string(),
  connected: v.boolean(),
  fence: v.nullable(v.number()),
  transport: v.nullable(v.string()),
  origin: v.nullable(v.object({ address: v.string(), port: v.number(), clientInstance: v.nullish(v.string()) })),
  since: v.nullable(v.number()),
  lastSeenAt: v.nullable(v.number()),
  lastByteAt: v.nullable(v.number()),
  position: v.nullable(Position),
  records: v.number(),
  /** Of one device alone. */
  liveness: v.nullish(v.object({
    inFlight: v.number(),
    kernel: v.nullable(v.object({ lastAckAt: v.number(), rttMs: v.number(), retransmits: v.number() })),
  })),
});
export type Device = v.InferOutput<typeof Device>;

const when = (ms: number | null): string => (ms === null || ms === 0 ? "-" : timeText(ms).replace(/\.\d{3}Z$/, "Z"));
const from = (
  { transport, origin }: Device,
): string => (origin === null || origin.address === "" ? "-" : `${transport ?? "?"} ${origin.address}:${origin.port}`);
/** What the kernel said of its connection when it was asked last. */
function kernelText({ liveness }: Device): string {
  if (liveness?.kernel === null || liveness?.kernel === undefined) return "-";
  const { lastAckAt, rttMs, retransmits } = liveness.kernel;
  return `${when(lastAckAt)}, round trip ${rttMs.toFixed(1)} ms${retransmits === 0 ? "" : `, ${retransmits} retransmissions`}`;
}
const where = ({ position }: Device): string => (position === null ? "-" : `${position.lat.toFixed(5)} ${position.lon.toFixed(5)}`);

const COLUMNS: readonly (readonly [title: string, cell: (device: Device) => string])[] = [
  ["DEVICE", ({ id }) => id],
  ["STATE", ({ connected }) => (connected ? "connected" : "away")],
  ["FENCE", ({ fence }) => String(fence ?? "-")],
  ["FROM", from],
  ["SINCE", ({ since }) => when(since)],
  ["LAST SEEN", ({ lastSeenAt }) => when(lastSeenAt)],
  ["RECORDS", ({ records }) => String(records)],
  ["POSITION", where],
];

/** Lines with a title each column, as wide as its widest cell. */
export function deviceTable(devices: readonly Device[]): string {
  const rows = [COLUMNS.map(([title]) => title), ...devices.map((device) => COLUMNS.map(([, cell]) => cell(device)))];
  const widths = COLUMNS.map((_, column) => rows.reduce((widest, row) => Math.max(widest, row[column]!.length), 0));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()}\n`).join("");
}

/** One device, a line each fact. */
export function deviceCard(device: Device): string {
  const { position } = device;
  const facts: readonly (readonly [string, string])[] = [
    ...COLUMNS.map(([title, cell]) => [title.toLowerCase(), cell(device)] as const),
    ["last byte", when(device.lastByteAt)],
    ["last ack", kernelText(device)],
    ["in flight", String(device.liveness?.inFlight ?? "-")],
    ["position of", position === null ? "-" : `${when(position.time)}, ${position.speed} km/h, ${position.satellites} satellites`],
  ];
  return facts.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join("");
}
