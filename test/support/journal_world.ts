/**
 * A seeded world around one journal: devices that send, re-send and regroup, connections that come and go, commits and
 * slices of upkeep. Every answer is checked against the model. What goes wrong in it: journal_storm.ts.
 */
import { expect } from "bun:test";
import type { Limits } from "../../src/base/limits.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { FrameKind, Verdict } from "../../src/wire/frame_message.ts";
import { send } from "../../src/wire/control.ts";
import { avlData } from "./avl_data.ts";
import { putFrame, putRaw } from "./frame_ring.ts";
import { checkNew, readNew } from "./journal_checks.ts";
import { ModelDevice, type SentRecord } from "./journal_model.ts";
import { JournalProcess } from "./journal_process.ts";
import { FrameMaker } from "./journal_traffic.ts";

export const WORKERS = 2;
const FENCE = 1024;

export interface SentFrame {
  readonly end: number;
  readonly device: number;
  readonly kind: FrameKind;
  readonly conn: number;
  readonly records: readonly SentRecord[];
  readonly receivedAt: number;
  /** Of one that cannot be decoded: what tells it from others. */
  readonly raw: string;
  /** The connection was replaced before the frame was sent. */
  readonly late: boolean;
  readonly order: number;
}

interface Connection {
  readonly ring: number;
  readonly conn: number;
  readonly fence: number;
  replaced: boolean;
  last: number;
}

/** How often each branch was taken. */
export const newBranches = () => ({
  flush: 0,
  merge: 0,
  retention: 0,
  join: 0,
  wrap: 0,
  partial: 0,
  compare: 0,
  failed: 0,
  failedSlice: 0,
  refused: 0,
  crash: 0,
  crashAtStart: 0,
  torn: 0,
  tornKept: 0,
  restart: 0,
  takeover: 0,
  quarantined: 0,
  released: 0,
  forgotten: 0,
  levels: 0,
});
export type Branches = ReturnType<typeof newBranches>;

export class JournalWorld {
  readonly random: Prng;
  readonly limits: Limits;
  readonly branches: Branches;
  readonly devices: ModelDevice[];
  process: JournalProcess;
  /** Seq the model has read up to. */
  next = 1;
  now = 1_700_000_000_000;
  protected readonly makers: FrameMaker[];
  protected readonly fifos: SentFrame[][] = Array.from({ length: WORKERS }, () => []);
  protected readonly owners = new Map<number, Connection>();
  protected old: { device: number; connection: Connection }[] = [];
  protected dir: string;
  protected fences = 1;
  protected slots = 0;
  protected order = 0;

  constructor(seed: number, dir: string, limits: Limits, branches: Branches, devices: number) {
    this.random = prng(seed);
    this.limits = limits;
    this.branches = branches;
    this.dir = dir;
    this.devices = Array.from({ length: devices }, (_, i) => new ModelDevice(`dev${i}`));
    this.makers = this.devices.map(() => new FrameMaker(this.random));
    this.process = new JournalProcess(dir, limits, WORKERS);
  }

  protected send(device: number): void {
    const connection = this.sender(device);
    if (connection === null) return;
    const records = this.makers[device]!.frame(this.now);
    const { data } = avlData(records[0]!.codec, records.map((record) => record.bytes));
    const ring = this.process.frames[connection.ring]!;
    const end = putFrame(ring, connection.conn, data, this.now, this.limits.futureMs);
    if (end >= 0) this.sent(device, connection, FrameKind.frame, records, end, "");
  }

  protected sendRaw(device: number): void {
    const connection = this.sender(device);
    if (connection === null) return;
    const kind = this.random.pick([FrameKind.undecodable, FrameKind.command, FrameKind.badCrc]);
    const data = Uint8Array.of(0x77, 1, this.random.below(3), 1);
    const end = putRaw(this.process.frames[connection.ring]!, kind, connection.conn, data, this.now, 2);
    if (end >= 0 && kind !== FrameKind.badCrc) {
      this.sent(device, connection, kind, [], end, `${this.devices[device]!.id} ${data.toHex().toUpperCase()}`);
    }
  }

  /** An operator lets a frame go, or has it forgotten. */
  protected operate(): void {
    const { quarantine, db } = this.process.journal;
    const rows = db.prepare("SELECT id FROM quarantine ORDER BY id").all();
    if (rows.length === 0) return;
    const id = Number(this.random.pick(rows)["id"]);
    const verb = this.random.chance(0.7) ? "release" : "forget";
    quarantine.order(verb, id, this.now);
    if (verb === "forget") this.branches.forgotten++;
  }

  /** Mostly the owner; now and then a connection that was replaced and does not know it yet. */
  protected sender(device: number): Connection | null {
    const stale = this.old.find((each) => each.device === device);
    if (stale !== undefined && this.random.chance(0.2)) return stale.connection;
    if (!this.owners.has(device)) this.admit(device);
    return this.owners.get(device) ?? null;
  }

  protected sent(device: number, connection: Connection, kind: FrameKind, records: readonly SentRecord[], end: number, raw: string): void {
    connection.last = end;
    const { conn, replaced: late } = connection;
    this.fifos[connection.ring]!.push({ end, device, kind, conn, records, receivedAt: this.now, raw, late, order: this.order++ });
    this.process.frames[connection.ring]!.publish();
  }

  protected admit(device: number): void {
    const old = this.owners.get(device);
    const ring = this.random.below(WORKERS);
    const slot = this.slots++ % 64;
    const conn = ((this.slots << 16) | slot) >>> 0;
    const fence = this.fences * FENCE;
    const base = {
      device: this.devices[device]!.id,
      fence,
      ring,
      conn,
      transport: 0,
      address: "10.0.0.1",
      port: 7,
      clientInstance: "",
      at: this.now,
    };
    const { lifecycle } = this.process;
    const told = old === undefined ? send(lifecycle, { type: "connected", ...base }) : send(lifecycle, {
      type: "replaced",
      ...base,
      policy: 0,
      cause: 0,
      oldFence: old.fence,
      oldTransport: 0,
      oldAddress: "",
      oldPort: 0,
      oldClientInstance: "",
      oldSince: 0,
      oldConn: old.conn,
      oldRing: old.ring,
      oldClosing: false,
      oldLastByteAt: 0,
      oldInFlight: 0,
      oldLastAckAt: 0,
      oldRttUs: 0,
      oldRetransmits: 0,
      floor: fence,
    });
    if (!told) return;
    lifecycle.publish();
    this.fences++;
    if (old !== undefined) {
      this.branches.takeover++;
      old.replaced = true;
      this.old = [...this.old.slice(-4), { device, connection: old }];
    }
    // What a slot's next connection sends must not be taken for the last one's.
    this.old = this.old.filter(({ connection }) => connection.ring !== ring || (connection.conn & 0xffff) !== slot);
    for (const [other, c] of this.owners) {
      if (other !== device && c.ring === ring && (c.conn & 0xffff) === slot) this.owners.delete(other);
    }
    this.owners.set(device, { ring, conn, fence, replaced: false, last: this.process.frames[ring]!.position });
  }

  protected leave(): void {
    for (const [device, { ring, conn, fence, last }] of this.owners) {
      const message = {
        device: this.devices[device]!.id,
        fence,
        ring,
        conn,
        position: last,
        reason: 0,
        at: this.now,
        lastByteAt: this.now,
        left: 0,
      };
      if (!send(this.process.lifecycle, { type: "disconnected", ...message })) return;
      this.process.lifecycle.publish();
      this.owners.delete(device);
      return;
    }
  }

  /** True when there was anything to commit. */
  protected commit(): boolean {
    const { process } = this;
    const before = process.journal.duplicates.compares;
    const done = process.commit();
    this.branches.compare += process.journal.duplicates.compares - before;
    this.branches.wrap += process.wraps;
    const committed = done === null || done.ok;
    process.settle(committed);
    if (!committed) this.branches.failed++;
    const kept = this.answers(committed);
    checkNew(this, kept, readNew(this));
    return done !== null;
  }

  /** What the codec workers learn: the frames kept, in the order they were sent. */
  protected answers(committed: boolean): SentFrame[] {
    const kept: SentFrame[] = [];
    const { board, exceptions } = this.process;
    for (let ring = 0; ring < WORKERS; ring++) {
      const settled = board.settled(ring);
      const ranges: { from: number; to: number; verdict: number }[] = [];
      for (const e = exceptions[ring]!; e.next(); e.release()) {
        ranges.push({
          from: e.view.getUint32(e.offset, true),
          to: e.view.getUint32(e.offset + 4, true),
          verdict: e.view.getUint32(e.offset + 8, true),
        });
      }
      const fifo = this.fifos[ring]!;
      while (fifo.length > 0 && ((settled - fifo[0]!.end) | 0) >= 0) {
        const frame = fifo.shift()!;
        const range = ranges.find(({ from, to }) => ((frame.end - from) | 0) > 0 && ((to - frame.end) | 0) >= 0);
        this.answered(frame, (range?.verdict ?? Verdict.kept) as Verdict, committed, kept);
      }
    }
    return kept.sort((a, b) => a.order - b.order);
  }

  protected answered(frame: SentFrame, verdict: Verdict, committed: boolean, kept: SentFrame[]): void {
    if (!committed) return expect(verdict).toBe(Verdict.failed);
    if (verdict === Verdict.refused) {
      this.branches.refused++;
      // A frame that was read but not committed at a takeover is refused, and so is every later one.
      return expect(this.owners.get(frame.device)?.conn).not.toBe(frame.conn);
    }
    expect(frame.late).toBe(false);
    const released = this.process.released.has(frame.raw);
    expect(verdict).toBe(frame.kind === FrameKind.undecodable && !released ? Verdict.quarantined : Verdict.kept);
    if (verdict === Verdict.quarantined) this.branches.quarantined++;
    else kept.push(frame);
    if (frame.kind === FrameKind.undecodable && released) this.branches.released++;
  }

  protected slice(): void {
    for (let i = this.random.below(4); i >= 0; i--) {
      const slice = this.process.slice(this.now, this.random.chance(0.1));
      if (slice === null) return;
      if (slice.failure !== null) this.branches.failedSlice++;
      else if (slice.point === "journal.flush_slice") this.branches.flush++;
      else if (slice.point === "journal.merge_slice") this.branches.merge++;
      else this.branches.retention++;
      this.trimModel();
    }
  }

  protected trim(): void {
    // Keeps the newest part; the wish stands until the next one.
    this.process.upkeep.wish({ before: this.now - 200_000 - this.random.below(400_000), excessBytes: 0 }, this.random.chance(0.5));
  }

  protected trimModel(): void {
    for (const device of this.devices) device.trim(this.process.journal.oldest);
  }
}
