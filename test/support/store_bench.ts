/** A journal over a real file with one call per step, for unit tests: connect, send, commit, slices, read. */
import { expect } from "bun:test";
import { asDeviceId, asFence } from "../../src/base/brand.ts";
import { type Limits, limitsWith } from "../../src/base/limits.ts";
import { here } from "./here.ts";
import type { Database } from "../../src/platform/port.ts";
import { createRing } from "../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../src/ring/wait.ts";
import { IncomingFrame } from "../../src/store/incoming_frame.ts";
import { Journal, type Probe } from "../../src/store/journal.ts";
import type { LedgerDevice } from "../../src/store/ledger.ts";
import { openStore, prepareReading } from "../../src/store/open.ts";
import { SqliteStoreReader } from "../../src/store/reader.ts";
import { Upkeep } from "../../src/store/upkeep.ts";
import { avlData, avlRecord } from "./avl_data.ts";
import { putFrame } from "./frame_ring.ts";

export const NOW = 1_700_000_000_000;
const platform = here;
const directories: string[] = [];
const closers: (() => void)[] = [];

/** Closes and removes every bench: for afterAll of each file that makes some. */
export function endBenches(): void {
  for (const close of closers.splice(0)) close();
  for (const directory of directories.splice(0)) platform.removeTree(directory);
}

export class StoreBench {
  readonly directory: string;
  readonly limits: Limits;
  db!: Database;
  journal!: Journal;
  upkeep!: Upkeep;
  /** What a fault point does. */
  probe: Probe = () => false;
  readonly #frame = new IncomingFrame();
  readonly #ring: RingProducer;
  readonly #taken: RingConsumer;
  #fences = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = limitsWith(limits);
    this.directory = platform.temporaryDirectory("berth-store-");
    directories.push(this.directory);
    const memory = createRing(1 << 20);
    this.#ring = new RingProducer(memory, new Bell(new SharedArrayBuffer(BELL_BYTES), 0));
    this.#taken = new RingConsumer(memory);
    this.open();
  }

  open(): void {
    const path = `${this.directory}/berth.db`;
    const opened = openStore({
      path,
      checkpointBytes: 1 << 26,
      newEpoch: "test",
      open: () => platform.openDatabase(path, { readOnly: false }),
    });
    if (!opened.ok) throw new Error(opened.message);
    const db = opened.value;
    let open = true;
    const close = db.close.bind(db);
    db.close = () => {
      if (open) close();
      open = false;
    };
    closers.push(() => db.close());
    this.db = db;
    this.journal = new Journal(db, this.limits, (point) => this.probe(point));
    this.upkeep = new Upkeep(this.journal);
  }

  reopen(): void {
    this.db.close();
    this.open();
  }

  reader(limits: Partial<Limits> = {}, committed?: () => number): SqliteStoreReader {
    const db = platform.openDatabase(`${this.directory}/berth.db`, { readOnly: false });
    closers.push(() => db.close());
    prepareReading(db);
    return new SqliteStoreReader(db, { ...this.limits, ...limits }, committed);
  }

  connect(id: string): LedgerDevice {
    const { device, isNew } = this.journal.device(asDeviceId(id));
    const payload = { at: NOW, id, transport: "tcp", origin: { address: "", port: 0, clientInstance: "" } };
    this.journal.event("connected", device, asFence(++this.#fences * 1024), NOW, payload, { makes: isNew });
    return device;
  }

  /** One frame of records with these times; how many are new. */
  send(device: LedgerDevice, times: readonly number[], receivedAt = NOW, codec = 8): number {
    const { data } = avlData(codec, times.map((time) => avlRecord(codec, { time })));
    expect(putFrame(this.#ring, 1, data, receivedAt, this.limits.futureMs)).toBeGreaterThanOrEqual(0);
    this.#ring.publish();
    this.#taken.next();
    this.#frame.load(this.#taken.bytes, this.#taken.view, this.#taken.offset);
    const count = this.journal.frame(this.#frame, device, asFence(1024));
    this.#taken.release();
    return count;
  }

  commit(): void {
    expect(this.journal.commit()).toEqual({ ok: true });
  }

  /** All slices that are due; which points were passed. */
  slices(flushNow = true, nowMs = NOW): string[] {
    const points: string[] = [];
    for (let slice = this.upkeep.round(nowMs, flushNow); slice !== null; slice = this.upkeep.round(nowMs, flushNow)) {
      expect(slice.failure).toBe(null);
      points.push(slice.point);
    }
    return points;
  }

  count(sql: string): number {
    return Number(Object.values(this.db.prepare(sql).get()!)[0]);
  }
}
