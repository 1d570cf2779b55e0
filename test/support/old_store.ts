/**
 * A store as it stands after weeks of quiet devices, written by the journal's own core under a clock that runs ahead: an
 * hourly frame from every device, a flush an hour, merges when they are due. No SQL of its own.
 */
import { asDeviceId, asFence } from "../../src/base/brand.ts";
import { limitsWith } from "../../src/base/limits.ts";
import { openBunDatabase } from "../../src/platform/bun_sqlite.ts";
import { IncomingFrame } from "../../src/store/incoming_frame.ts";
import { Journal } from "../../src/store/journal.ts";
import { STORE_FILE } from "../../src/store/migrations.ts";
import { openStore } from "../../src/store/open.ts";
import { Upkeep } from "../../src/store/upkeep.ts";
import { dataAt, FLAG_ORDERED, frameMessageBytes, writeFrameHeader } from "../../src/wire/frame_message.ts";
import { imeiOf } from "./fleet.ts";
import { encodeFrame, type TestRecord } from "./frames.ts";

export const HOUR = 3_600_000;
const RECORDS = 4;
const RECORD_GAP = 15 * 60_000;
const FRAMING = { before: 8, after: 4 };
const FENCE = asFence(1024);

export interface OldStorePlan {
  readonly data: string;
  readonly devices: number;
  readonly hours: number;
  /** Wall ms of the newest hour's end. */
  readonly until: number;
  readonly flushFrames?: number;
  readonly mergeFanIn?: number;
}

export interface OldStore {
  readonly frames: number;
  /** Segments flushed in all, and those left after merging, by level. */
  readonly flushed: number;
  readonly levels: readonly number[];
}

const record = (time: number, lonRaw: number): TestRecord => ({
  time,
  priority: 0,
  lonRaw,
  latRaw: 546_872_000,
  altitude: 99,
  angle: 90,
  satellites: 12,
  speed: 54,
  eventId: 0,
  generationType: 0,
  io: [{ id: 239, hex: "01" }, { id: 66, hex: "300c" }, { id: 16, hex: "0001e240" }],
});

/** The records a device has of the hour that begins at `from`. */
export const hourRecords = (device: number, from: number): TestRecord[] =>
  Array.from({ length: RECORDS }, (_, i) => record(from + i * RECORD_GAP, 252_797_000 + device * 100 + i));

/** A frame message of one device, whose record times can be moved: the template of all its frames. */
class MovingFrame {
  readonly frame = new IncomingFrame();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #data: number;
  readonly #stride: number;

  constructor(device: number) {
    const whole = encodeFrame("8", hourRecords(device, 0));
    const data = whole.subarray(FRAMING.before, whole.length - FRAMING.after);
    this.#bytes = new Uint8Array(frameMessageBytes(data.length));
    this.#view = new DataView(this.#bytes.buffer);
    this.#data = dataAt(0);
    this.#stride = (data.length - 3) / RECORDS;
    this.#bytes.set(data, this.#data);
  }

  /** The frame of the hour that begins at `from`, as read an hour later. */
  at(from: number): IncomingFrame {
    const dataLength = this.#bytes.length - this.#data;
    for (let i = 0; i < RECORDS; i++) {
      this.#view.setBigUint64(this.#data + 2 + i * this.#stride, BigInt(from + i * RECORD_GAP));
    }
    const maxTime = from + (RECORDS - 1) * RECORD_GAP;
    writeFrameHeader(this.#view, 0, {
      conn: 0,
      n: RECORDS,
      codec: 8,
      best: RECORDS - 1,
      fault: 0,
      receivedAt: from + HOUR,
      minTime: from,
      maxTime,
      dataLength,
      flags: FLAG_ORDERED,
    });
    this.frame.load(this.#bytes, this.#view, 0);
    return this.frame;
  }
}

/** Makes the store in `plan.data`. Device numbers are those of `imeiOf`, from 0. */
export function makeOldStore(plan: OldStorePlan): OldStore {
  const limits = limitsWith({
    ...(plan.flushFrames === undefined ? {} : { flushFrames: plan.flushFrames }),
    ...(plan.mergeFanIn === undefined ? {} : { mergeFanIn: plan.mergeFanIn }),
  });
  const path = `${plan.data}/${STORE_FILE}`;
  const opened = openStore({
    path,
    checkpointBytes: limits.checkpointBytes,
    newEpoch: "old",
    open: () => openBunDatabase(path, { readOnly: false }),
  });
  if (!opened.ok) throw new Error(opened.message);
  const db = opened.value;
  const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  const journal = new Journal(db, limits, () => false);
  const upkeep = new Upkeep(journal);
  let flushed = 0;
  const keepUp = (nowMs: number, flushNow: boolean): void => {
    for (let slice = upkeep.round(nowMs, flushNow); slice !== null; slice = upkeep.round(nowMs, flushNow)) {
      if (slice.failure !== null) throw new Error(slice.failure.message);
      if (slice.point === "journal.flush_slice" && !upkeep.flushing) flushed++;
    }
  };
  const commit = (): void => {
    const done = journal.commit();
    if (!done.ok) throw new Error(done.failure.message);
  };
  const begin = plan.until - plan.hours * HOUR;
  journal.reserveFences(1 << 20);
  const fleet = Array.from({ length: plan.devices }, (_, i) => {
    const { device } = journal.device(asDeviceId(imeiOf(i)));
    const origin = { address: "127.0.0.1", port: 1, clientInstance: "" };
    journal.event("connected", device, FENCE, begin, { id: imeiOf(i), at: begin, transport: "tcp", origin }, { makes: true, floor: FENCE });
    return { device, moving: new MovingFrame(i) };
  });
  commit();
  for (let hour = 0; hour < plan.hours; hour++) {
    const from = begin + hour * HOUR;
    for (const { device, moving } of fleet) journal.frame(moving.at(from), device, FENCE);
    commit();
    keepUp(from + 2 * HOUR, false);
    checkpoint.get();
  }
  keepUp(plan.until + 2 * HOUR, true);
  const levels: number[] = [];
  for (const { level } of journal.segments) levels[level] = (levels[level] ?? 0) + 1;
  db.close();
  return { frames: plan.hours * plan.devices, flushed, levels };
}
