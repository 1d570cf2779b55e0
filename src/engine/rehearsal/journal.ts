/** The rehearsal of the journal thread: a store in memory, frames of devices that come and go, a disk that is always done. */
import { AvlColumns, parseAvl } from "../../codec/teltonika/avl.ts";
import { faultPoints } from "../../base/fault_point.ts";
import { asSeq } from "../../base/brand.ts";
import type { Platform } from "../../platform/port.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import { Bell } from "../../ring/wait.ts";
import { Board, type Promises, ThreadState } from "../../wire/board.ts";
import { END_REASONS, send, TRANSPORTS } from "../../wire/control.ts";
import { emptyFrameHeader, FrameKind, frameMessageBytes, writeFrame } from "../../wire/frame_message.ts";
import type { Boot } from "../boot.ts";
import { JournalLoop } from "../journal/loop.ts";
import { openJournal } from "../journal/start.ts";
import { sampleData, setTimes } from "./frames.ts";
import { DEVICES, imeiOf, rehearse, type Rehearsed, type TakeTurns } from "./world.ts";

const TCP = TRANSPORTS.indexOf("tcp");
const CLOSED = END_REASONS.indexOf("closed");
/** Every so many turns a device comes over another connection. */
const LIFE_TURNS = 20;
/** One frame of so many is sent a second time. */
const AGAIN = 16;
const FRAME_MS = 60_000;
const IN_MEMORY = ":memory:";
const FREE_BYTES = 2 ** 50;

export const rehearseJournal = (real: Boot, platform: Platform): Rehearsed | null =>
  rehearse(real, platform, "journal", (boot, takeTurns) => play(boot, platform, takeTurns));

function play(boot: Boot, platform: Platform, takeTurns: TakeTurns): void {
  const disk = withoutDisk(platform);
  const board = new Board(boot.board);
  board.setState(boot.roster.sync, ThreadState.stopped);
  const journal = openJournal(boot, disk, () => false, () => {});
  const loop = new JournalLoop(boot, disk, board, faultPoints(""), journal);
  loop.begin();
  const fleet = new Fleet(boot, platform.clock.wall());
  const sync = new StandInSync(board);
  takeTurns((turn) => {
    fleet.turn(turn);
    loop.turn();
    sync.turn();
  });
  loop.end();
}

/** The real store, in memory; of everything else nothing reaches the disk. */
function withoutDisk(platform: Platform): Platform {
  return {
    ...platform,
    openDatabase: () => platform.openDatabase(IN_MEMORY, { readOnly: false }),
    openForSync: () => ({ sync: () => {}, close: () => {} }),
    makeDirectory: () => {},
    exists: () => false,
    fileSize: () => 0,
    allocateFile: () => {},
    removeFile: () => {},
    readText: () => "",
    writeText: () => {},
    space: () => ({ ...platform.space("/"), free: FREE_BYTES }),
  };
}

/** What the registry and a codec worker put into their rings. */
class Fleet {
  readonly #lifecycle: RingProducer;
  readonly #frames: RingProducer;
  readonly #exceptions: RingConsumer;
  readonly #samples: readonly { readonly data: Uint8Array; readonly columns: AvlColumns }[];
  readonly #header = emptyFrameHeader();
  readonly #fences = new Array<number>(DEVICES).fill(0);
  #fence = 0;
  #time: number;

  constructor(boot: Boot, now: number) {
    const bell = new Bell(boot.bells, boot.thread);
    this.#lifecycle = new RingProducer(boot.rings.lifecycle, bell);
    this.#frames = new RingProducer(boot.rings.frames[0]!, bell);
    this.#exceptions = new RingConsumer(boot.rings.exceptions[0]!);
    this.#time = now;
    this.#samples = sampleData(now).map((data) => {
      const columns = new AvlColumns();
      parseAvl(data, 0, data.length, now, columns);
      return { data, columns };
    });
    for (let i = 0; i < DEVICES; i++) this.#connect(i);
  }

  turn(turn: number): void {
    if (turn % LIFE_TURNS === 0) {
      const one = (turn / LIFE_TURNS) % DEVICES;
      this.#disconnect(one);
      this.#connect(one);
    }
    this.#lifecycle.publish();
    // As full as batches are: a frame now and then, and all at once.
    const frames = 1 + (turn * 7) % (2 * DEVICES);
    for (let i = 0; i < frames; i++) {
      this.#time += FRAME_MS;
      this.#frame(i % DEVICES, turn + i);
      if (i % AGAIN === 0) this.#frame(i % DEVICES, turn + i);
    }
    this.#frames.publish();
    while (this.#exceptions.next());
    this.#exceptions.release();
  }

  #connect(index: number): void {
    this.#fences[index] = ++this.#fence;
    const origin = { address: "127.0.0.1", port: 1, clientInstance: "" };
    send(this.#lifecycle, {
      type: "connected",
      device: imeiOf(index),
      fence: this.#fence,
      ring: 0,
      conn: index,
      transport: TCP,
      ...origin,
      at: this.#time,
    });
  }

  #disconnect(index: number): void {
    const end = { ring: 0, conn: index, position: this.#frames.position, reason: CLOSED, at: this.#time, lastByteAt: this.#time, left: 0 };
    send(this.#lifecycle, { type: "disconnected", device: imeiOf(index), fence: this.#fences[index]!, ...end });
  }

  #frame(conn: number, which: number): void {
    const { data, columns } = this.#samples[which % this.#samples.length]!;
    const at = this.#frames.reserve(frameMessageBytes(data.length), FrameKind.frame);
    if (at < 0) return;
    setTimes(data, this.#time);
    const { n, codec, best, ordered } = columns;
    const records = { n, codec, best, ordered, minTime: this.#time, maxTime: this.#time + columns.maxTime - columns.minTime };
    writeFrame(this.#frames, at, this.#header, conn, this.#time, records, data, 0, data.length);
    this.#frames.commit();
  }
}

/** The sync thread's part, on this thread and done at once. */
class StandInSync {
  readonly #board: Board;
  readonly #promises: Promises = { committed: asSeq(0), settled: new Int32Array(1) };

  constructor(board: Board) {
    this.#board = board;
  }

  turn(): void {
    const ticket = this.#board.syncWanted();
    if (ticket === this.#board.syncAnswered()) return;
    this.#board.notePromises(this.#promises);
    this.#board.redeem(this.#promises, () => {});
    this.#board.syncDone(ticket);
  }
}
