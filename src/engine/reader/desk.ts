/**
 * The desk of a reader thread: takes one request at a time from each http thread, answers it from the store, and sends
 * the answer in as many chunks as its ring takes. While an answer to one http thread waits for room nothing more is
 * taken from that thread, so memory holds one answer per http thread. Owned by a reader thread.
 */
import { assertNever } from "../../base/assert.ts";
import { asDeviceId, asDeviceNo, asSeq, type Seq } from "../../base/brand.ts";
import type { Limits } from "../../base/limits.ts";
import { RingConsumer, RingProducer } from "../../ring/spsc.ts";
import type { Bell } from "../../ring/wait.ts";
import type { Discard } from "../../platform/memory.ts";
import { SqlError } from "../../platform/port.ts";
import type { StoreReader } from "../../store/port.ts";
import type { Board } from "../../wire/board.ts";
import { AnswerSender, ORDERS, receiveRequest, type Request, type RequestOf } from "../../wire/query.ts";
import { type Answer, type AnswerRaw, encodeAnswer } from "../../wire/query_answer.ts";
import { BlobWriter } from "../../wire/query_blob.ts";

export interface DeskLine {
  readonly queries: SharedArrayBuffer;
  readonly results: SharedArrayBuffer;
  /** Wakes the http thread. */
  readonly bell: Bell;
}

/** How long the desk may hold everything for one answer, and what it does meanwhile. */
export interface Patience {
  monoMs(): number;
  /** Sleeps about a millisecond and moves the heartbeat. */
  rest(): void;
}

interface Line {
  readonly queries: RingConsumer;
  readonly results: RingProducer;
  pending: AnswerSender | null;
}

export class ReaderDesk {
  readonly #lines: readonly Line[];
  readonly #store: StoreReader;
  readonly #board: Board;
  readonly #limits: Limits;
  readonly #patience: Patience;
  readonly #blob = new BlobWriter();

  constructor(lines: readonly DeskLine[], store: StoreReader, board: Board, limits: Limits, patience: Patience) {
    this.#lines = lines.map((line) => ({
      queries: new RingConsumer(line.queries),
      results: new RingProducer(line.results, line.bell),
      pending: null,
    }));
    this.#store = store;
    this.#board = board;
    this.#limits = limits;
    this.#patience = patience;
  }

  /** Something can be done now, or an answer waits for room (the http thread rings when it made some). */
  hasWork(): boolean {
    for (const line of this.#lines) {
      if (line.pending === null ? line.queries.hasNext() : line.results.free() === line.results.capacity) return true;
    }
    return false;
  }

  /** One round over the http threads, one request of each. True when anything was done. */
  round(): boolean {
    let worked = false;
    for (const line of this.#lines) {
      if (line.pending === null && line.queries.next()) {
        const request = receiveRequest(line.queries);
        line.queries.release();
        line.pending = new AnswerSender(request.request, encodeAnswer(this.#answer(request), this.#blob));
        worked = true;
      }
      if (line.pending !== null) {
        if (line.pending.push(line.results)) line.pending = null;
        line.results.publish();
      }
    }
    return worked;
  }

  giveBack(discard: Discard): void {
    for (const { results } of this.#lines) results.giveBack(discard);
  }

  /** Follows the journal so that the next request finds little left to do. */
  follow(): void {
    if (this.#store.seq < this.#board.committed()) this.#advance(this.#board.committed());
  }

  #answer(request: Request): Answer {
    const committed = this.#board.committed();
    if (!this.#reach(committed)) {
      return { kind: "busy", reason: `the store is at ${this.#store.seq} of ${committed} after ${this.#limits.readWaitMs} ms` };
    }
    try {
      return this.#read(request);
    } catch (error) {
      return { kind: "busy", reason: passing(error) };
    }
  }

  #read(request: Request): Answer {
    switch (request.type) {
      case "entries":
        return this.#store.entries(asSeq(request.from));
      case "deviceEntries":
        return this.#store.deviceEntries(asDeviceId(request.device), asSeq(request.from));
      case "records":
        return this.#store.records({
          device: asDeviceId(request.device),
          from: Number.isNaN(request.from) ? null : request.from,
          to: Number.isNaN(request.to) ? null : request.to,
          limit: request.limit,
          after: request.after === "" ? null : request.after,
          order: ORDERS[request.order] ?? "seq",
        });
      case "devices": {
        const limit = this.#rows(request.limit);
        const devices = this.#store.devices(asDeviceNo(request.after), limit);
        const last = devices[devices.length - 1];
        return { kind: "devices", devices, seq: this.#store.seq, next: devices.length < limit || last === undefined ? null : last.no };
      }
      case "history": {
        const takeovers = this.#store.history(asDeviceId(request.device), this.#rows(request.limit));
        return takeovers === null ? { kind: "unknown_device" } : { kind: "history", takeovers };
      }
      case "conflicts":
        return { kind: "conflicts", conflicts: this.#store.conflicts(request.from, request.to, this.#rows(request.limit)) };
      case "command": {
        const { id, device, key } = request;
        const found = id === "" ? this.#store.commandByKey(device, key) : this.#store.command(id);
        // A row may be seen before it is on the disk; it is told when it is.
        if (found !== null && !this.#reach(asSeq(found.seq))) return { kind: "busy", reason: "the command is not on disk yet" };
        return { kind: "command", json: found === null ? null : JSON.stringify(found) };
      }
      case "commands": {
        const found = this.#store.commandsOf(request.device, request.before, this.#rows(request.limit));
        const newest = Math.max(0, ...found.map(({ seq }) => seq));
        if (!this.#reach(asSeq(newest))) return { kind: "busy", reason: "a command is not on disk yet" };
        return { kind: "commands", rows: found.map((row) => JSON.stringify(row)) };
      }
      case "config": {
        const found = this.#store.config(request.device);
        return { kind: "config", json: found === null ? null : JSON.stringify(found) };
      }
      case "frames": {
        const page = this.#store.frames(asDeviceId(request.device), request.upTo, this.#rows(request.limit));
        return page === null ? { kind: "unknown_device" } : { kind: "frames", frames: page.frames.map(raw), more: page.more };
      }
      case "quarantine":
        return this.#quarantine(request);
      default:
        return assertNever(request, "request");
    }
  }

  #quarantine({ id, device, upTo, limit, held, bad }: RequestOf<"quarantine">): Answer {
    const store = this.#store;
    const badCrc = bad ? store.badFrames().map(raw) : [];
    if (id !== 0) {
      const one = store.quarantinedOne(id);
      return { kind: "quarantine", frames: one === null ? [] : [raw(one)], more: false, bad: badCrc };
    }
    const { frames, more } = store.quarantined(device === "" ? null : asDeviceId(device), { upTo, limit: this.#rows(limit), held });
    return { kind: "quarantine", frames: frames.map(raw), more, bad: badCrc };
  }

  #rows(asked: number): number {
    return Math.max(1, Math.min(asked, this.#limits.pageRecords));
  }

  /** Waits until the tail has what was committed when the request was received. */
  #reach(committed: Seq): boolean {
    const deadline = this.#patience.monoMs() + this.#limits.readWaitMs;
    while (!this.#advance(committed)) {
      if (this.#patience.monoMs() >= deadline) return false;
      this.#patience.rest();
    }
    return true;
  }

  #advance(committed: Seq): boolean {
    try {
      if (this.#store.seq < committed) this.#store.advance(committed);
    } catch (error) {
      passing(error);
    }
    return this.#store.seq >= committed;
  }
}

/** Bytes apart from the rest, which is text. */
const raw = ({ bytes, ...rest }: { readonly bytes: Uint8Array }): AnswerRaw => ({ json: JSON.stringify(rest), bytes });

const PASSING = ["SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL"];

/** What a disk or a lock may do and undo by itself is an answer; anything else ends the thread, which names itself. */
export function passing(error: unknown): string {
  if (error instanceof SqlError && PASSING.some((code) => error.code.startsWith(code))) return `the store cannot be read: ${error.code}`;
  throw error;
}
