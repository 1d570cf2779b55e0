/**
 * Fills a batch from the rings, in the one order that keeps every promise. Owned by the journal thread.
 *
 *   1 note how far each codec worker's ring is filled   2 the registry's ring, in order   3 frames, up to what was noted
 *
 * The registry tells the journal of an admission before it answers the codec worker, so a frame noted in 1 finds its
 * connection in 2. A disconnect carries the ring position of the connection's last frame: frames up to it go first. The
 * byte bound may end a batch anywhere in between; the next one goes on there.
 */
import { asDeviceNo, asFence } from "../../base/brand.ts";
import { toHex } from "../../base/bytes.ts";
import { distance } from "../../ring/layout.ts";
import { RingConsumer } from "../../ring/spsc.ts";
import { jsonEventEntry } from "../../store/entry.ts";
import { IncomingFrame } from "../../store/incoming_frame.ts";
import type { Journal } from "../../store/journal.ts";
import { type Message, type MessageOf, receive } from "../../wire/control.ts";
import { FrameKind, Verdict } from "../../wire/frame_message.ts";
import type { JournalEvents } from "./events.ts";
import { JournalQuarantine } from "./quarantine.ts";
import type { RingVerdicts } from "./verdicts.ts";

export interface Tally {
  stored: number;
  duplicate: number;
  quarantined: number;
  refused: number;
  wraps: number;
}

export const emptyTally = (): Tally => ({ stored: 0, duplicate: 0, quarantined: 0, refused: 0, wraps: 0 });

/** Of a message: it is of a channel, and of no device. */
const NOBODY = asDeviceNo(0);
const NO_FENCE = asFence(0);

export class JournalIntake {
  /** Of the batch under way. */
  readonly tally = emptyTally();
  /** Frames taken into the batch under way, kept or not. */
  frames = 0;
  readonly #journal: Journal;
  readonly #events: JournalEvents;
  readonly #lifecycle: RingConsumer;
  readonly #rings: readonly RingConsumer[];
  readonly #verdicts: readonly RingVerdicts[];
  readonly #snapshots: Uint32Array;
  readonly #quarantine: JournalQuarantine;
  readonly #frame = new IncomingFrame();
  /** A disconnect whose frames are not all taken yet. */
  #waiting: MessageOf<"disconnected"> | null = null;
  #first = 0;
  /** Messages of the registry since `takeEvents`. */
  #told = 0;
  /** Something the registry waits to see on the disk was taken since `takeRows`. */
  #rows = false;

  constructor(
    journal: Journal,
    events: JournalEvents,
    lifecycle: SharedArrayBuffer,
    rings: readonly RingConsumer[],
    verdicts: readonly RingVerdicts[],
  ) {
    this.#journal = journal;
    this.#events = events;
    this.#lifecycle = new RingConsumer(lifecycle);
    this.#rings = rings;
    this.#verdicts = verdicts;
    this.#snapshots = new Uint32Array(rings.length);
    this.#quarantine = new JournalQuarantine(journal);
  }

  /** How much the registry has told since the last call. */
  takeEvents(): number {
    const told = this.#told;
    this.#told = 0;
    return told;
  }

  /** Is anything in the rings that could be taken now? */
  hasWork(): boolean {
    if (this.#waiting !== null || this.#lifecycle.hasNext()) return true;
    for (let i = 0; i < this.#rings.length; i++) if (this.#rings[i]!.hasNext() && !this.#verdicts[i]!.blocked) return true;
    return false;
  }

  /** Bytes in the frame rings that could be taken now. */
  get waitingBytes(): number {
    let bytes = 0;
    for (let i = 0; i < this.#rings.length; i++) {
      if (!this.#verdicts[i]!.blocked) bytes += distance(this.#rings[i]!.snapshot(), this.#rings[i]!.end);
    }
    return bytes;
  }

  /** Everything taken and nothing waiting, blocked rings included. */
  empty(): boolean {
    return this.#waiting === null && !this.#lifecycle.hasNext() && this.#rings.every((ring) => !ring.hasNext()) &&
      this.#verdicts.every((v) => !v.blocked);
  }

  /** Takes what there is, up to the byte bound of a commit. */
  take(): void {
    for (let i = 0; i < this.#rings.length; i++) this.#snapshots[i] = this.#rings[i]!.snapshot();
    this.#takeLifecycle();
    if (this.#waiting === null) {
      for (let k = 0; k < this.#rings.length; k++) {
        const i = (this.#first + k) % this.#rings.length;
        if (!this.#verdicts[i]!.blocked) this.#takeFrames(i, this.#snapshots[i]!);
      }
      this.#first++;
    }
    for (const ring of this.#rings) ring.release();
    this.#lifecycle.release();
  }

  /** Frames of every ring, up to what is there, with the verdict failed: the store has not committed for too long. */
  fail(): boolean {
    let any = false;
    for (let i = 0; i < this.#rings.length; i++) {
      const ring = this.#rings[i]!;
      const verdicts = this.#verdicts[i]!;
      if (verdicts.blocked) continue;
      while (ring.next()) {
        verdicts.note(ring.end, Verdict.failed);
        any = true;
      }
      ring.release();
      verdicts.close(true);
    }
    return any;
  }

  /** Position of the registry's ring up to which everything is taken. */
  get lifecycleEnd(): number {
    return this.#lifecycle.end;
  }

  /** After a commit: is anything in it that the registry waits to see on the disk? */
  takeRows(): boolean {
    const any = this.#rows;
    this.#rows = false;
    return any;
  }

  clear(): void {
    Object.assign(this.tally, emptyTally());
    this.frames = 0;
    this.#quarantine.clear();
  }

  #takeLifecycle(): void {
    while (this.#room()) {
      if (this.#waiting !== null) {
        const { ring, position } = this.#waiting;
        if (ring < this.#rings.length && !this.#takeFrames(ring, position)) return;
        this.#events.take(this.#waiting);
        this.#waiting = null;
      } else if (!this.#lifecycle.next()) return;
      else {
        const message = receive(this.#lifecycle);
        this.#told++;
        if (message.type === "disconnected") this.#waiting = message;
        else this.#takeMessage(message);
      }
    }
  }

  #takeMessage(message: Message): void {
    switch (message.type) {
      case "quarantineOrdered":
        this.#rows = true;
        return this.#quarantine.obey(message, this.tally);
      case "commandRow":
      case "configRow":
      case "acknowledged":
        this.#rows = true;
        break;
      case "connected":
      case "replaced":
        this.#quarantine.came(message);
        break;
      default:
    }
    this.#events.take(message);
  }

  #room(): boolean {
    return this.#journal.batch.used < this.#journal.limits.commitBytes;
  }

  /** Frames of one ring up to a position. False when the byte bound came first. */
  #takeFrames(i: number, position: number): boolean {
    const ring = this.#rings[i]!;
    const published = ring.snapshot();
    const upTo = ((position - published) | 0) > 0 ? published : position;
    const verdicts = this.#verdicts[i]!;
    let end = ring.end;
    while (this.#room()) {
      if (!ring.next(upTo)) return true;
      if (ring.end < end) this.tally.wraps++;
      end = ring.end;
      this.frames++;
      verdicts.note(end, this.#one(i, ring));
    }
    return ((upTo - ring.end) | 0) <= 0;
  }

  #one(i: number, ring: RingConsumer): Verdict {
    const frame = this.#frame;
    frame.load(ring.bytes, ring.view, ring.offset);
    const { header } = frame;
    if (ring.kind === FrameKind.message) {
      const entry = jsonEventEntry("message", NOBODY, NO_FENCE, header.receivedAt, frame.copyData());
      this.#journal.batch.event(NOBODY, entry, header.receivedAt);
      return Verdict.kept;
    }
    const from = this.#events.connection(i, header.conn);
    if (ring.kind === FrameKind.badCrc) {
      this.#journal.quarantine.crcFailure({ device: from?.device.no ?? 0, at: header.receivedAt, bytes: frame.copyData() });
      return Verdict.kept;
    }
    if (from === undefined || (from.fence < from.device.floor && !from.isBeside)) {
      this.tally.refused += header.n;
      return Verdict.refused;
    }
    from.lastByteAt = header.receivedAt;
    if (ring.kind === FrameKind.frame) {
      const stored = this.#journal.frame(frame, from.device, from.fence, from.isBeside ? "beside" : "owner");
      this.tally.stored += stored;
      this.tally.duplicate += header.n - stored;
      from.records += stored;
      return Verdict.kept;
    }
    if (ring.kind === FrameKind.command) {
      const data = frame.copyData();
      const payload = { at: header.receivedAt, unsolicited: true, codec: header.codec, hex: toHex(data) };
      this.#journal.frameEvent("command", from.device, from.fence, header.receivedAt, payload);
      return Verdict.kept;
    }
    return this.#quarantine.take(frame, from, this.tally);
  }
}
