/**
 * Frames with a valid CRC that could not be decoded, kept raw and de-duplicated by hash with a counter; and the newest
 * frames with a wrong CRC. Journal thread. What a batch adds is held beside the tables until its commit.
 */
import type { Limits } from "../base/limits.ts";
import type { Database, Statement } from "../platform/port.ts";
import { hash64 } from "./hash.ts";

/** first: kept now, an event follows · repeat: counted · full: counted nowhere but in metrics · released: acknowledge. */
export type QuarantineOutcome = "first" | "repeat" | "full" | "released";

export interface Undecodable {
  readonly device: number;
  readonly reason: string;
  readonly codec: number;
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Kept {
  readonly id: number;
  readonly released: boolean;
  /** Of this batch: the frame itself when it is a first one, and how often it came. */
  first: Undecodable | null;
  count: number;
  at: number;
}

export class Quarantine {
  /** Of the frame given to `take` last. */
  hash = "";
  id = 0;
  readonly #limits: Pick<Limits, "quarantinePerDevice" | "quarantineBytes" | "crcFailuresKept">;
  readonly #select: Statement;
  readonly #count: Statement;
  readonly #insert: Statement;
  readonly #repeat: Statement;
  readonly #total: Statement;
  readonly #insertCrc: Statement;
  readonly #trimCrc: Statement;
  readonly #batch = new Map<string, Kept>();
  #crcFailures: Undecodable[] = [];
  #nextId: number;
  #batchBytes = 0;

  constructor(db: Database, limits: Pick<Limits, "quarantinePerDevice" | "quarantineBytes" | "crcFailuresKept">) {
    this.#limits = limits;
    this.#select = db.prepare("SELECT id, released FROM quarantine WHERE device = ? AND hash = ?");
    this.#count = db.prepare("SELECT count(*) AS n FROM quarantine WHERE device = ?");
    this.#total = db.prepare("SELECT coalesce(sum(length(bytes)), 0) AS n FROM quarantine");
    this.#insert = db.prepare(
      "INSERT INTO quarantine (id, device, hash, reason, codec, first_at, last_at, count, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#repeat = db.prepare("UPDATE quarantine SET count = count + ?, last_at = max(last_at, ?) WHERE id = ?");
    this.#insertCrc = db.prepare("INSERT INTO crc_failure (device, at, bytes) VALUES (?, ?, ?)");
    this.#trimCrc = db.prepare("DELETE FROM crc_failure WHERE id <= (SELECT max(id) FROM crc_failure) - ?");
    this.#nextId = Number(db.prepare("SELECT coalesce(max(id), 0) AS n FROM quarantine").get()!["n"]) + 1;
  }

  /** Anything to write with the next commit? */
  get pending(): boolean {
    return this.#batch.size > 0 || this.#crcFailures.length > 0;
  }

  take(frame: Undecodable): QuarantineOutcome {
    this.hash = hash64(frame.bytes);
    const key = `${frame.device} ${this.hash}`;
    const known = this.#batch.get(key) ?? this.#stored(frame, key);
    if (known !== null) {
      known.count++;
      known.at = frame.at;
      this.id = known.id;
      return known.released ? "released" : "repeat";
    }
    if (this.#full(frame)) return "full";
    this.id = this.#nextId++;
    this.#batch.set(key, { id: this.id, released: false, first: frame, count: 1, at: frame.at });
    this.#batchBytes += frame.bytes.length;
    return "first";
  }

  crcFailure(frame: Undecodable): void {
    this.#crcFailures.push(frame);
    if (this.#crcFailures.length > this.#limits.crcFailuresKept) this.#crcFailures.shift();
  }

  /** Inside the batch's transaction. */
  write(): void {
    for (const [key, kept] of this.#batch) {
      const first = kept.first;
      if (first === null) this.#repeat.run(kept.count, kept.at, kept.id);
      else {
        const hash = key.slice(key.indexOf(" ") + 1);
        this.#insert.run(kept.id, first.device, hash, first.reason, first.codec, first.at, kept.at, kept.count, first.bytes);
      }
    }
    for (const frame of this.#crcFailures) this.#insertCrc.run(frame.device, frame.at, frame.bytes);
    if (this.#crcFailures.length > 0) this.#trimCrc.run(this.#limits.crcFailuresKept);
  }

  /** After the commit, or after it failed: either way the batch is over. */
  clear(): void {
    this.#batch.clear();
    this.#crcFailures = [];
    this.#batchBytes = 0;
  }

  #stored(frame: Undecodable, key: string): Kept | null {
    const row = this.#select.get(frame.device, this.hash);
    if (row === undefined) return null;
    const kept = { id: Number(row["id"]), released: row["released"] === 1, first: null, count: 0, at: frame.at };
    this.#batch.set(key, kept);
    return kept;
  }

  #full(frame: Undecodable): boolean {
    let ofDevice = Number(this.#count.get(frame.device)!["n"]);
    for (const kept of this.#batch.values()) if (kept.first?.device === frame.device) ofDevice++;
    if (ofDevice >= this.#limits.quarantinePerDevice) return true;
    // A first frame is rare: asking the table keeps the sum right after retention without anybody keeping it.
    return Number(this.#total.get()!["n"]) + this.#batchBytes + frame.bytes.length > this.#limits.quarantineBytes;
  }
}
