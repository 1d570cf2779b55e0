/** What the journal should hold, kept by the plainest means: a map per device. */
import { hasFix, recordTime } from "../../src/store/record_walk.ts";
import type { EntryView } from "../../src/store/entry.ts";

export interface SentRecord {
  readonly codec: number;
  readonly bytes: Uint8Array;
  readonly key: string;
}

export const sentRecord = (codec: number, bytes: Uint8Array): SentRecord => ({
  codec,
  bytes,
  key: `${codec}:${Buffer.from(bytes).toString("hex")}`,
});

export class ModelDevice {
  readonly id: string;
  /** Records kept now: key → seq. */
  readonly stored = new Map<string, number>();
  readonly entrySeqs: number[] = [];
  readonly fences: number[] = [];
  records = 0;
  lastSeenAt = 0;
  connected = false;
  fence = 0;
  position: { seq: number; time: number; codec: number; bytes: Uint8Array } | null = null;

  constructor(id: string) {
    this.id = id;
  }

  /** A record the journal says is new, with its seq. */
  store(record: SentRecord, seq: number, receivedAt: number, futureMs: number): void {
    if (this.stored.has(record.key)) throw new Error(`${this.id} stored twice: ${record.key}`);
    this.stored.set(record.key, seq);
    this.records++;
    this.lastSeenAt = Math.max(this.lastSeenAt, receivedAt);
    const time = recordTime(record.bytes, 0);
    if (!hasFix(record.bytes, 0) || time > receivedAt + futureMs) return;
    if (this.position === null || time >= this.position.time) this.position = { seq, time, codec: record.codec, bytes: record.bytes };
  }

  event(view: EntryView): void {
    const fence: number = view.fence;
    const kind = view.event;
    if (
      kind === "command" || kind === "quarantined" || kind === "connected" || kind === "replaced" ||
      (kind === "disconnected" && fence >= this.fence)
    ) {
      this.lastSeenAt = Math.max(this.lastSeenAt, view.time);
    }
    if (kind === "connected" || kind === "replaced") {
      if (fence <= this.fence) throw new Error(`${this.id}: fence ${fence} after ${this.fence}`);
      this.fence = fence;
      this.connected = true;
    } else if (kind === "disconnected" && fence >= this.fence) this.connected = false;
  }

  /** Retention has deleted everything below `oldest`. */
  trim(oldest: number): void {
    for (const [key, seq] of this.stored) if (seq < oldest) this.stored.delete(key);
    while (this.entrySeqs.length > 0 && this.entrySeqs[0]! < oldest) this.entrySeqs.shift();
  }
}
