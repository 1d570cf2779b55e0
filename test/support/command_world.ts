/**
 * The book of commands between a disk that keeps rows when told, workers that write when told, and devices that come and go. It
 * remembers what left on the wire and every row as the disk has it; `crash` starts again from the disk.
 */
import { asDeviceId, type DeviceId } from "../../src/base/brand.ts";
import { type Limits, limitsWith } from "../../src/base/limits.ts";
import { CommandBook } from "../../src/command/book.ts";
import type { Change, Command, Moment, Route, Submission, Submitted } from "../../src/command/command.ts";
import { type CommandState, isEnd } from "../../src/wire/command.ts";

export const DEVICE = asDeviceId("356307042441013");

export interface DiskRow {
  readonly submission: Submission;
  /** Every state the row was in, the present one last. */
  states: CommandState[];
  fence: number;
  response: string | null;
  reason: string | null;
}

export interface OnWire {
  readonly id: string;
  readonly fence: number;
}

export class CommandWorld {
  book: CommandBook;
  readonly disk = new Map<string, DiskRow>();
  readonly wire: OnWire[] = [];
  /** Handed to a worker that has not said yet what became of it. */
  readonly handed: { readonly command: Command; readonly route: Route }[] = [];
  readonly accepted: string[] = [];
  readonly faults: string[] = [];
  readonly owners = new Map<DeviceId, Route>();
  now: Moment = { mono: 1000, wall: 1_700_000_000_000 };
  readonly #limits: Limits;
  #unkept: Change[] = [];
  #noted = 0;
  /** Until when an answer to what was lost may come by datagram. */
  readonly #awaited = new Map<DeviceId, number>();
  #fence = 0;
  #id = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = limitsWith(limits);
    this.book = new CommandBook(this.#limits);
  }

  submit(more: Partial<Submission> & { readonly ttlMs?: number } = {}, at = 0): Submitted {
    const { ttlMs = 60_000, ...rest } = more;
    const { wall } = this.now;
    const id = `c${++this.#id}`;
    const submission: Submission = {
      id,
      device: DEVICE,
      key: "",
      codec: 12,
      text: "getinfo",
      createdAt: wall,
      expiresAt: wall + ttlMs,
      timeoutMs: 5000,
      ...rest,
    };
    return this.book.submit(submission, this.owners.get(submission.device) ?? null, { ring: 0, request: at }, this.now);
  }

  /** The device's next connection; replaces the one there is. */
  connect(device = DEVICE, isLoose = false): number {
    const old = this.owners.get(device);
    const route = { fence: ++this.#fence, ring: 0, conn: this.#fence, isLoose };
    this.owners.set(device, route);
    if (old !== undefined) this.book.left(device, old.fence, "superseded", route, this.now);
    this.book.opened(device, route, this.now);
    this.#note();
    // What comes over a session is of that session.
    if (!isLoose) this.#awaited.delete(device);
    return route.fence;
  }

  leave(reason = "closed", device = DEVICE): void {
    const old = this.owners.get(device);
    if (old === undefined) return;
    this.owners.delete(device);
    this.book.left(device, old.fence, reason, null, this.now);
    this.#note();
  }

  /** The journal takes what there is; nothing of it is on the disk yet. */
  tell(): void {
    this.#note();
    this.#noted = 0;
    for (let change = this.book.changes.shift(); change !== undefined; change = this.book.changes.shift()) this.#unkept.push(change);
  }

  /** A commit: what was told is on the disk, or the first of it. */
  commit(most = Infinity): void {
    this.tell();
    const changes = this.#unkept.splice(0, most);
    for (const change of changes) this.#write(change);
    for (const change of changes) this.book.kept(change, this.now);
    for (let one = this.book.accepted.shift(); one !== undefined; one = this.book.accepted.shift()) this.accepted.push(one.id);
  }

  /** What is ready goes to its worker. */
  hand(): void {
    for (let next = this.book.nextReady(this.now); next !== null; next = this.book.nextReady(this.now)) {
      const row = this.disk.get(next.command.submission.id);
      if (row?.states.at(-1) !== "routed" || row.fence !== next.route.fence) {
        this.faults.push(`${next.command.submission.id} was handed before it was on disk`);
      }
      if (next.route.isLoose && (this.#awaited.get(next.command.submission.device) ?? 0) > this.now.mono) {
        this.faults.push(`${next.command.submission.id} was handed while the answer to another may come`);
      }
      this.book.handed(next.command);
      this.handed.push(next);
    }
  }

  /** A worker says what became of the oldest command it has: the bytes leave if its connection lives, unless it may not. */
  work(mayWrite = true): void {
    const one = this.handed.shift();
    if (one === undefined) return;
    const { id, device } = one.command.submission;
    const lives = this.owners.get(device)?.fence === one.route.fence;
    if (!mayWrite || !lives) return this.book.wasNotWritten(one.command.no, this.now);
    this.wire.push({ id, fence: one.route.fence });
    this.book.wasWritten(one.command.no, this.now);
  }

  /** The same, but its word comes when the connection is gone. */
  workLate(): void {
    const one = this.handed.shift();
    if (one === undefined) return;
    this.wire.push({ id: one.command.submission.id, fence: one.route.fence });
    this.leave("reset", one.command.submission.device);
    this.book.wasWritten(one.command.no, this.now);
    this.#note();
  }

  answer(command: Command, isNack = false): "ended" | "late" {
    const { device } = command.submission;
    const answer = this.book.answered(device, command.no, isNack, "ok", this.now);
    if (answer.kind === "late" && answer.id !== null) this.#awaited.delete(device);
    return answer.kind;
  }

  pass(ms: number): void {
    this.now = { mono: this.now.mono + ms, wall: this.now.wall + ms };
    this.book.tick(this.now);
    this.#note();
  }

  /** All that may go on goes on, with answers by nobody. */
  settle(): void {
    for (let i = 0; i < 8; i++) {
      this.commit();
      this.hand();
      while (this.handed.length > 0) this.work();
    }
    this.commit();
  }

  /** kill -9: what was not committed is gone, and so is every connection. As the journal does it at the start. */
  crash(): void {
    this.#unkept = [];
    this.#noted = 0;
    this.handed.length = 0;
    this.owners.clear();
    this.book = new CommandBook(this.#limits);
    for (const row of this.disk.values()) {
      const state = row.states.at(-1)!;
      if (state === "routed" || state === "written") {
        row.states.push("unknown");
        row.reason = "restart";
        this.#awaited.set(row.submission.device, Infinity);
      } else if (state === "queued") this.book.restore(row.submission, this.now);
    }
    for (const [device, until] of this.#awaited) {
      if (until <= this.now.mono) continue;
      this.book.lost(device, "", this.now);
      this.#awaited.set(device, this.now.mono + this.#limits.commandQuietMs);
    }
  }

  state(id: string): CommandState | undefined {
    return this.disk.get(id)?.states.at(-1);
  }

  /** What can never be true, whatever happened. */
  check(): string[] {
    const faults = [...this.faults];
    const ids = this.wire.map(({ id }) => id);
    if (new Set(ids).size !== ids.length) faults.push(`written twice: ${ids.join(" ")}`);
    for (const [id, { states }] of this.disk) {
      const end = states.findIndex(isEnd);
      if (end >= 0 && end !== states.length - 1) faults.push(`${id} ended and went on: ${states.join(" ")}`);
      const left = ids.includes(id);
      if (left && end >= 0 && (states.at(-1) === "expired" || states.at(-1) === "failed")) {
        faults.push(`${id} was written and is ${states.at(-1)}`);
      }
    }
    return faults;
  }

  /** Looks at what has come about since the last look: whose answer may come by datagram from now on. */
  #note(): void {
    for (; this.#noted < this.book.changes.length; this.#noted++) {
      const { command: { submission, isLoose }, state } = this.book.changes.at(this.#noted)!;
      if (state === "unknown" && isLoose) this.#awaited.set(submission.device, this.now.mono + this.#limits.commandQuietMs);
    }
  }

  #write({ command: { submission }, isNew, state, fence, response, reason }: Change): void {
    const row = this.disk.get(submission.id);
    if (isNew !== (row === undefined)) {
      this.faults.push(`${submission.id}: a row was ${isNew ? "made twice" : "changed before it was made"}`);
    }
    if (row === undefined) this.disk.set(submission.id, { submission, states: [state], fence, response, reason });
    else {
      row.states.push(state);
      Object.assign(row, { fence, response, reason });
    }
  }
}

/** A world whose one command has been handed to the worker of the device's first connection. */
export function handedOver(): { readonly world: CommandWorld; readonly command: Command } {
  const world = new CommandWorld();
  world.connect();
  world.submit();
  world.commit();
  world.hand();
  return { world, command: world.handed[0]!.command };
}
