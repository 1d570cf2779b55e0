/**
 * The journal's core over a real SQLite file in a temporary directory, every commit synced: frames out of a ring,
 * de-duplicated, written, committed. 64 devices in turn, codec 8E, four records a frame.
 */
import { asDeviceId, asFence } from "../src/base/brand.ts";
import { limitsWith } from "../src/base/limits.ts";
import { putU64 } from "../src/base/bytes.ts";
import type { Platform } from "../src/platform/port.ts";
import { createRing } from "../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../src/ring/wait.ts";
import { IncomingFrame } from "../src/store/incoming_frame.ts";
import { Journal } from "../src/store/journal.ts";
import type { LedgerDevice } from "../src/store/ledger.ts";
import { openStore } from "../src/store/open.ts";
import { TestDevice } from "../test/support/fleet.ts";
import { encodeFrame } from "../test/support/frames.ts";
import { putFrame } from "../test/support/frame_ring.ts";
import type { Case, Suite } from "./suite.ts";

const RECORDS = 4;
const DEVICES = 64;
const STEP_MS = 1000;
const DAY_MS = 86_400_000;
const RING_BYTES = 1 << 22;
const FENCE = asFence(1024);

/** A store of its own, and a ring that is filled before each measured call. */
class World {
  readonly journal: Journal;
  readonly #db;
  readonly #ring: RingProducer;
  readonly #taken: RingConsumer;
  readonly #frame = new IncomingFrame();
  readonly #devices: LedgerDevice[];
  readonly #data: Uint8Array[] = [];
  readonly #timeAt: number[][] = [];
  #time = Date.now() - DAY_MS;

  constructor(platform: Platform, directory: string) {
    const path = `${directory}/berth.db`;
    const open = () => platform.openDatabase(path, { readOnly: false });
    const opened = openStore({ path, checkpointBytes: limitsWith().checkpointBytes, newEpoch: "bench", open });
    if (!opened.ok) throw new Error(opened.message);
    this.#db = opened.value;
    this.journal = new Journal(this.#db, limitsWith(), () => false);
    const memory = createRing(RING_BYTES);
    this.#ring = new RingProducer(memory, new Bell(new SharedArrayBuffer(BELL_BYTES), 0));
    this.#taken = new RingConsumer(memory);
    this.#devices = Array.from({ length: DEVICES }, (_, i) => this.#connected(i));
    for (let i = 0; i < DEVICES; i++) this.#template(i);
    if (!this.journal.commit().ok) throw new Error("Cannot commit");
  }

  /** Puts frames into the ring: new ones, or the last ones again. */
  fill(frames: number, again = false): void {
    if (!again) this.#time += STEP_MS * RECORDS;
    const at = Date.now();
    for (let i = 0; i < frames; i++) {
      // A device's frames of one batch follow each other in time.
      if (!again && i > 0 && i % DEVICES === 0) this.#time += STEP_MS * RECORDS;
      const data = this.#data[i % DEVICES]!;
      this.#timeAt[i % DEVICES]!.forEach((offset, record) => putU64(data, offset, this.#time + record * STEP_MS));
      if (putFrame(this.#ring, i, data, at, DAY_MS) < 0) throw new Error("Cannot fill the ring");
    }
    this.#ring.publish();
  }

  /** Takes what the ring holds into the batch. Returns how many records were new. */
  take(): number {
    const { bytes, view } = this.#taken;
    let fresh = 0;
    while (this.#taken.next()) {
      this.#frame.load(bytes, view, this.#taken.offset);
      fresh += this.journal.frame(this.#frame, this.#devices[this.#frame.header.conn % DEVICES]!, FENCE);
    }
    this.#taken.release();
    return fresh;
  }

  commit(frames: number): void {
    if (this.take() !== frames * RECORDS || !this.journal.commit().ok) throw new Error("Cannot commit the batch");
  }

  close(): void {
    this.#db.close();
  }

  #connected(i: number): LedgerDevice {
    const id = asDeviceId(new TestDevice(i, "8E").imei);
    const { device } = this.journal.device(id);
    this.journal.event("connected", device, FENCE, this.#time, { at: this.#time, id }, { makes: true });
    return device;
  }

  /** A frame whose record times are written anew each time it is sent. */
  #template(i: number): void {
    const device = new TestDevice(i, "8E");
    const records = device.records(RECORDS).map((record) => encodeFrame("8E", [record]).slice(10, -5));
    const data = new Uint8Array(records.reduce((sum, record) => sum + record.length, 3));
    data[0] = 0x8e;
    data[1] = data[data.length - 1] = RECORDS;
    const offsets: number[] = [];
    let at = 2;
    for (const record of records) {
      data.set(record, at);
      offsets.push(at);
      at += record.length;
    }
    this.#data.push(data);
    this.#timeAt.push(offsets);
  }
}

const committing = (world: World, frames: number, calls: readonly [number, number]): Case => ({
  name: `commit ${frames} ${frames === 1 ? "frame" : "frames"}`,
  unit: "record",
  units: frames * RECORDS,
  calls,
  prepare: () => world.fill(frames),
  run: () => world.commit(frames),
});

/** Sent again and again after a lost acknowledgement: found to be stored, nothing is written. */
function duplicates(world: World, frames: number): Case {
  let filled = false;
  return {
    name: `find ${frames} frames to be stored already`,
    unit: "record",
    units: frames * RECORDS,
    calls: [100, 1000],
    prepare() {
      if (!filled) {
        world.fill(frames);
        world.commit(frames);
        filled = true;
      }
      world.fill(frames, true);
    },
    run() {
      if (world.take() !== 0) throw new Error("Cannot find the frames: they count as new");
    },
  };
}

export function journalSuite(platform: Platform): Suite {
  const directory = platform.temporaryDirectory("berth-bench-");
  const world = new World(platform, directory);
  return {
    name: "journal",
    cases: [
      committing(world, 1, [50, 400]),
      committing(world, 64, [30, 200]),
      committing(world, 1024, [20, 100]),
      duplicates(world, DEVICES),
    ],
    end() {
      world.close();
      platform.removeTree(directory);
    },
  };
}
