/**
 * One traced run for the durability proofs: a gateway under the shim, a few trackers that pipeline frames of unique record
 * times, kill -9 at the end. And the other side: what a store rebuilt from the trace holds, read as plain SQLite.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EntryView } from "../../src/store/entry.ts";
import { imeiOf } from "./fleet.ts";
import { encodeFrame, type TestRecord } from "./frames.ts";
import { Gateway, temporaryData } from "./gateway.ts";
import { buildShim, type Call, readTrace, shimEnvironment } from "./preload.ts";
import { type Crash, cutCrashes } from "./preload_crash.ts";
import type { SentFrame, TracedAck } from "./preload_proof.ts";
import { Tracker } from "./tracker.ts";
import { until } from "./until.ts";

/** A multiple of 2^16, so that the next 65,536 times share their upper six bytes. */
export const FIRST_TIME = 26_855_468 * 65_536;
/** Bounds so tiny that a short run flushes, merges and checkpoints; no reserve file, so that the images stay small. */
export const TINY = {
  workers: 2,
  "journal.flush_frames": 64,
  "journal.merge_fan_in": 4,
  "journal.slice_rows": 20,
  "journal.checkpoint_bytes": 65_536,
  // A commit leaves some frames for the next one, and that is reason enough to leave its sync to the sync thread.
  "journal.commit_bytes": 1024,
  "journal.overlap_bytes": 1,
  "journal.reserve_bytes": 0,
} as const;

export interface RunPlan {
  readonly trackers: number;
  /** Frames per tracker; every fifth one is sent twice. */
  readonly frames: number;
  readonly window: number;
  readonly faults?: string;
  readonly syncUs?: number;
}

export interface TracedRun {
  readonly calls: readonly Call[];
  readonly gatewayPort: number;
  readonly frames: readonly SentFrame[];
  /** Acknowledgements the trackers received. */
  readonly received: number;
  /** Index of the first call after the gateway was ready. */
  readonly readyAt: number;
}

const record = (time: number): TestRecord => ({
  time,
  priority: 0,
  lonRaw: 252_797_000,
  latRaw: 546_872_000,
  altitude: 99,
  angle: 90,
  satellites: 12,
  speed: 54,
  eventId: 0,
  generationType: 0,
  io: [{ id: 239, hex: "01" }, { id: 66, hex: "300c" }, { id: 16, hex: "0001e240" }],
});
const RECORDS = 4;

/** Sends the plan of one tracker with at most `window` frames unanswered; resolves when all are answered or the link ended. */
async function drive(port: number, imei: string, plan: RunPlan, nextTime: () => number, sent: SentFrame[]): Promise<number> {
  const tracker = await Tracker.loggedIn(port, imei);
  let written = 0;
  for (let i = 0; i < plan.frames; i++) {
    const times = Array.from({ length: RECORDS }, nextTime);
    const bytes = encodeFrame("8", times.map(record));
    for (let copies = i % 5 === 4 ? 2 : 1; copies > 0; copies--) {
      while (written - tracker.acks.length >= plan.window) await tracker.ack();
      tracker.write(bytes);
      written++;
      sent.push({ port: tracker.localPort, times });
    }
  }
  const answered = (): boolean => tracker.acks.length === written || tracker.end !== null;
  while (!answered()) await tracker.ack().catch(() => 0);
  return tracker.acks.length;
}

const sentBytes = (calls: readonly Call[], port: number): number =>
  calls.reduce((sum, call) => (call.kind === "send" && call.localPort === port ? sum + call.data.length : sum), 0);

/** Runs the plan. The gateway is killed, not stopped: an ordered shutdown would sync whatever it had forgotten. */
export async function tracedRun(plan: RunPlan): Promise<TracedRun> {
  const folder = temporaryData();
  const data = join(folder, "data");
  const trace = join(folder, "trace");
  mkdirSync(data);
  const gateway = await Gateway.start({
    data,
    settings: TINY,
    faults: plan.faults ?? "",
    environment: shimEnvironment(buildShim(folder), { data, trace, syncUs: plan.syncUs ?? 0 }),
  });
  const readyAt = readTrace(trace).length;
  let time = FIRST_TIME;
  const frames: SentFrame[] = [];
  const trackers = Array.from({ length: plan.trackers }, (_, i) => drive(gateway.tcpPort, imeiOf(i + 1), plan, () => time++, frames));
  const received = (await Promise.all(trackers)).reduce((sum, count) => sum + count, 0);
  const gatewayPort = gateway.tcpPort;
  // An answer may be received before the shim has written down that it was sent.
  const answerBytes = plan.trackers + 4 * received;
  await until("every answer in the trace", () => sentBytes(readTrace(trace), gatewayPort) >= answerBytes);
  await gateway.kill();
  return { calls: readTrace(trace), gatewayPort, frames, received, readyAt };
}

/** Record times of every frame in the log of the store in `folder`, in order. @throws what SQLite or the entry's layout throws. */
export function storedTimes(folder: string, name: string): number[] {
  const database = new Database(join(folder, name), { readwrite: true, create: false });
  try {
    const times: number[] = [];
    const entry = new EntryView();
    for (const { body } of database.query<{ body: Uint8Array }, []>("SELECT body FROM log ORDER BY seq").iterate()) {
      entry.over(body);
      for (let at = 0; entry.load(at); at += entry.length) if (entry.isFrame) pushTimes(entry, times);
    }
    return times;
  } finally {
    database.close();
  }
}

/** All records of these runs are of one length, so the data field needs no parser. */
function pushTimes(entry: EntryView, times: number[]): void {
  const data = entry.data;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const stride = (data.length - 3) / entry.n;
  for (let i = 0; i < entry.n; i++) if (entry.isNew(i)) times.push(Number(view.getBigUint64(2 + i * stride)));
}

/** Name of the database file: the one with a write-ahead log beside it. */
export function databaseName(calls: readonly Call[]): string {
  const wal = calls.find((call) => call.name.endsWith("-wal"));
  if (wal === undefined) throw new Error("Cannot find the store in the trace: nothing was written to a -wal file");
  return wal.name.slice(0, -4);
}

/** Rebuilds a crashed store in the folder `scratch`. Times it lacks although they were acknowledged before the crash, and times it holds twice. */
export function lossOf(
  scratch: string,
  crash: Crash,
  name: string,
  acks: readonly TracedAck[],
): { lost: number; twice: number; acked: number } {
  crash.image.writeTo(scratch);
  const times = storedTimes(scratch, name);
  const stored = new Set(times);
  const acked = acks.filter((ack) => ack.call < crash.sentBefore).flatMap((ack) => ack.frame.times);
  return { lost: acked.filter((time) => !stored.has(time)).length, twice: times.length - stored.size, acked: acked.length };
}

/** Every n-th of a long list, first and last included. */
export const spread = <T>(items: readonly T[], most: number): T[] =>
  items.length <= most ? [...items] : Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!);

/** Numbers of the boundaries worth opening: all, or an even choice of them. */
export function chosenCuts(run: TracedRun, most: number): Set<number> {
  const all: number[] = [];
  for (const crash of cutCrashes(run.calls, run.readyAt)) all.push(crash.kept);
  return new Set(spread(all, most));
}
