/**
 * Frames with a valid CRC that could not be decoded, kept raw and de-duplicated by hash with a counter; and the newest
 * frames with a wrong CRC. Journal thread. What a batch adds is held beside the tables until its commit. What an operator orders
 * outlives a commit that fails; what was decoded again does not, as its records did not.
 */
import type { Limits } from "../base/limits.ts";
import type { Database, Statement } from "../platform/port.ts";
import { hash64 } from "./hash.ts";

/** first: kept now, an event follows · repeat: counted · full: counted nowhere but in metrics · released: acknowledge. */
export type QuarantineOutcome = "first" | "repeat" | "full" | "released";

/** A frame the CRC of which does not match. */
export interface BadFrame {
  readonly device: number;
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface Undecodable extends BadFrame {
  readonly reason: string;
  readonly codec: number;
  /** Of the connection it came on, and where that came from; null: not known. */
  readonly fence: number;
  readonly origin: { readonly address: string; readonly port: number } | null;
}

/** A frame as it was kept, to be decoded again. */
export interface KeptFrame {
  readonly device: number;
  readonly fence: number;
  readonly firstAt: number;
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

export type QuarantineOrder = "release" | "forget";
type QuarantineLimits = Pick<Limits, "quarantinePerDevice" | "quarantineBytes" | "crcFailuresKept">;

export class Quarantine {
  /** Of the frame given to `take` last. */
  hash = "";
  id = 0;
  /** Frames kept that stand in their device's way: neither released nor decoded since. */
  held = 0;
  /** Bytes of all frames kept. */
  bytes = 0;
  /** Frames that found no room. */
  full = 0;
  readonly #limits: QuarantineLimits;
  readonly #select: Statement;
  readonly #count: Statement;
  readonly #insert: Statement;
  readonly #repeat: Statement;
  readonly #insertCrc: Statement;
  readonly #trimCrc: Statement;
  readonly #kept: Statement;
  readonly #release: Statement;
  readonly #forget: Statement;
  readonly #state: Statement;
  readonly #replayed: Statement;
  readonly #batch = new Map<string, Kept>();
  readonly #decoded = new Map<number, { readonly at: number; readonly records: number; readonly stored: number }>();
  readonly #orders: { readonly order: QuarantineOrder; readonly id: number; readonly at: number }[] = [];
  #crcFailures: BadFrame[] = [];
  /** What the batch changes in `held` and `bytes`. */
  #moreHeld = 0;
  #moreBytes = 0;

  constructor(db: Database, limits: QuarantineLimits) {
    this.#limits = limits;
    this.#select = db.prepare("SELECT id, released FROM quarantine WHERE device = ? AND hash = ?");
    this.#count = db.prepare("SELECT count(*) AS n FROM quarantine WHERE device = ?");
    this.#insert = db.prepare(
      `INSERT INTO quarantine (id, device, hash, reason, codec, first_at, last_at, count, bytes, fence, address, port)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#repeat = db.prepare("UPDATE quarantine SET count = count + ?, last_at = max(last_at, ?) WHERE id = ?");
    this.#insertCrc = db.prepare("INSERT INTO crc_failure (device, at, bytes) VALUES (?, ?, ?)");
    this.#trimCrc = db.prepare("DELETE FROM crc_failure WHERE id <= (SELECT max(id) FROM crc_failure) - ?");
    this.#kept = db.prepare("SELECT device, fence, first_at, bytes FROM quarantine WHERE id = ?");
    this.#release = db.prepare("UPDATE quarantine SET released = 1, released_at = ? WHERE id = ? AND released = 0");
    this.#forget = db.prepare("DELETE FROM quarantine WHERE id = ?");
    this.#state = db.prepare(`SELECT length(bytes) AS bytes, ${HELD} AS held FROM quarantine WHERE id = ?`);
    this.#replayed = db.prepare(
      "UPDATE quarantine SET replayed_at = ?, replayed_records = ?, replayed_stored = replayed_stored + ? WHERE id = ?",
    );
    const all = db.prepare(`SELECT coalesce(sum(length(bytes)), 0) AS bytes, coalesce(sum(${HELD}), 0) AS held FROM quarantine`).get()!;
    this.bytes = Number(all["bytes"]);
    this.held = Number(all["held"]);
  }

  /** Anything to write with the next commit? */
  get pending(): boolean {
    return this.#batch.size > 0 || this.#crcFailures.length > 0 || this.#orders.length > 0 || this.#decoded.size > 0;
  }

  /** `seq`: of the event that tells it if it is a first one, and so the frame's id. */
  take(frame: Undecodable, seq: number): QuarantineOutcome {
    this.hash = hash64(frame.bytes);
    const key = `${frame.device} ${this.hash}`;
    const known = this.#batch.get(key) ?? this.#stored(frame, key);
    if (known !== null) {
      known.count++;
      known.at = frame.at;
      this.id = known.id;
      return known.released ? "released" : "repeat";
    }
    if (this.#isFull(frame)) {
      this.full++;
      return "full";
    }
    this.id = seq;
    this.#batch.set(key, { id: this.id, released: false, first: frame, count: 1, at: frame.at });
    this.#moreBytes += frame.bytes.length;
    this.#moreHeld++;
    return "first";
  }

  crcFailure(frame: BadFrame): void {
    this.#crcFailures.push(frame);
    if (this.#crcFailures.length > this.#limits.crcFailuresKept) this.#crcFailures.shift();
  }

  /** What an operator wants done with a frame. It is in every batch until one is committed. */
  order(order: QuarantineOrder, id: number, at: number): void {
    this.#orders.push({ order, id, at });
  }

  /** The frame kept under this id; null: there is none. */
  kept(id: number): KeptFrame | null {
    const row = this.#kept.get(id);
    if (row === undefined) return null;
    const { device, fence, first_at, bytes } = row;
    return { device: Number(device), fence: Number(fence), firstAt: Number(first_at), bytes: bytes as Uint8Array };
  }

  /** The frame was decoded again: it holds so many records, and so many of them went into the batch. */
  replayed(id: number, at: number, records: number, stored: number): void {
    this.#decoded.set(id, { at, records, stored: stored + (this.#decoded.get(id)?.stored ?? 0) });
  }

  /** Inside the batch's transaction. */
  write(): void {
    for (const { order, id, at } of this.#orders) this.#obey(order, id, at);
    for (const [id, { at, records, stored }] of this.#decoded) {
      if (records > 0 && this.#state.get(id)?.["held"] === 1) this.#moreHeld--;
      this.#replayed.run(at, records, stored, id);
    }
    for (const [key, kept] of this.#batch) {
      const first = kept.first;
      if (first === null) this.#repeat.run(kept.count, kept.at, kept.id);
      else {
        const { device, reason, codec, at, bytes, fence, origin } = first;
        const hash = key.slice(key.indexOf(" ") + 1);
        const [address, port] = [origin?.address ?? null, origin?.port ?? 0];
        this.#insert.run(kept.id, device, hash, reason, codec, at, kept.at, kept.count, bytes, fence, address, port);
      }
    }
    for (const frame of this.#crcFailures) this.#insertCrc.run(frame.device, frame.at, frame.bytes);
    if (this.#crcFailures.length > 0) this.#trimCrc.run(this.#limits.crcFailuresKept);
  }

  /** After COMMIT. */
  merge(): void {
    this.held += this.#moreHeld;
    this.bytes += this.#moreBytes;
    this.#orders.length = 0;
  }

  /** After the commit, or after it failed: either way the batch is over. */
  clear(): void {
    this.#batch.clear();
    this.#decoded.clear();
    this.#crcFailures = [];
    this.#moreHeld = 0;
    this.#moreBytes = 0;
  }

  /** Retention has deleted rows. */
  trimmed(held: number, bytes: number): void {
    this.held -= held;
    this.bytes -= bytes;
  }

  #obey(order: QuarantineOrder, id: number, at: number): void {
    const row = this.#state.get(id);
    if (row === undefined) return;
    if (row["held"] === 1) this.#moreHeld--;
    if (order === "release") {
      this.#release.run(at, id);
      return;
    }
    this.#moreBytes -= Number(row["bytes"]);
    this.#forget.run(id);
  }

  #stored(frame: Undecodable, key: string): Kept | null {
    const row = this.#select.get(frame.device, this.hash);
    if (row === undefined) return null;
    const kept = { id: Number(row["id"]), released: row["released"] === 1, first: null, count: 0, at: frame.at };
    this.#batch.set(key, kept);
    return kept;
  }

  #isFull(frame: Undecodable): boolean {
    let ofDevice = Number(this.#count.get(frame.device)!["n"]);
    for (const kept of this.#batch.values()) if (kept.first?.device === frame.device) ofDevice++;
    if (ofDevice >= this.#limits.quarantinePerDevice) return true;
    return this.bytes + this.#moreBytes + frame.bytes.length > this.#limits.quarantineBytes;
  }
}

/** 1: the frame stands in its device's way. */
export const HELD = "(released = 0 AND replayed_records = 0)";
