/**
 * The commands of the registry thread: the book between http threads that submit, the journal that keeps, and codec workers
 * that write. Rows go out before anything else, and a worker hears of a command when its row is on the disk. Nothing here
 * waits: what finds no room in a ring is tried again in the next round, and never takes what the registry keeps in reserve.
 */
import { asDeviceId, type DeviceId } from "../../base/brand.ts";
import { fromHex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { Deque } from "../../base/deque.ts";
import type { Limits } from "../../base/limits.ts";
import { responseText } from "../../codec/teltonika/command.ts";
import { CommandBook } from "../../command/book.ts";
import type { Change, Moment, Route, Submission, Submitted, Waiter } from "../../command/command.ts";
import type { Effect } from "../../registry/effect.ts";
import { normaliseIdentity } from "../../base/identity.ts";
import { newestAlive, type Owner } from "../../registry/owner.ts";
import type { RegistryState } from "../../registry/state.ts";
import { distance } from "../../ring/layout.ts";
import type { RingProducer } from "../../ring/spsc.ts";
import type { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";
import { type Board, DrainPhase } from "../../wire/board.ts";
import { COMMAND_STATES, type CommandCodec, type CommandState, isEnd, MessageType } from "../../wire/command.ts";
import { END_REASONS, type MessageOf, MESSAGES, type Outcome, OUTCOMES, send, type Transport, TRANSPORTS } from "../../wire/control.ts";
import type { Recovered } from "../boot.ts";
import { commandRow } from "./messages.ts";
import type { RegistryRoom } from "./room.ts";
import { StreamAnswers } from "./stream_answers.ts";

/** Of a peer nobody knows how to take one. */
const TAKERS: ReadonlySet<Transport> = new Set(["tcp"]);
const TAKERS_WITH_UDP: ReadonlySet<Transport> = new Set(["tcp", "udp"]);
const UDP = TRANSPORTS.indexOf("udp");
const SSE = TRANSPORTS.indexOf("sse");
/** Of a row: identity, id and key at their longest, and a reason. */
const NAMES = 64 + 64 + 64 + 32;
/** Of what a row's ring takes in one message, the part that a response may have. */
const RESPONSE_SHARE = 8;

const REFUSED: Readonly<Record<Exclude<Submitted, "accepted">, readonly [Outcome, string]>> = {
  key_used: ["refused", "key_used"],
  device_full: ["refused", "device_full"],
  full: ["busy", ""],
};

type CommandLimits =
  & ConstructorParameters<typeof CommandBook>[0]
  & Pick<Limits, "commandTtlMs" | "commandTimeoutMs" | "commandResponseBytes">;

export interface CommandParts {
  readonly board: Board;
  readonly clock: Clock;
  readonly state: RegistryState;
  readonly counters: Counters;
  readonly room: RegistryRoom;
  readonly lifecycle: RingProducer;
  readonly decisions: readonly RingProducer[];
  readonly answers: readonly RingProducer[];
  /** Do devices that are heard over UDP only get commands? */
  readonly isOverUdp: boolean;
}

/** How a command of the gateway itself ended. */
export interface OwnEnd {
  readonly device: DeviceId;
  /** Of the connection it was given to, or 0. */
  readonly fence: number;
  readonly state: CommandState;
  readonly response: string | null;
  readonly reason: string | null;
}

/** Nobody waits for a command of the gateway itself. */
const NOBODY: Waiter = { ring: -1, request: 0 };
const ID_DIGITS = 14;

export class RegistryCommands {
  /** Commands of the gateway itself that have ended, in order; whoever submits them takes them out. */
  readonly ownEnds = new Deque<OwnEnd>();
  /** Commands that have ended in this process. */
  ends = 0;
  /** Ids of those that have not. */
  readonly #own = new Set<string>();
  #lastOwn = 0;
  readonly #at: CommandParts;
  readonly #limits: CommandLimits;
  readonly #book: CommandBook;
  readonly #takers: ReadonlySet<Transport>;
  readonly #streams: StreamAnswers;
  /** Told to the journal and not on disk yet, with the ring position after each. */
  readonly #unkept = new Deque<{ readonly position: number; readonly change: Change }>();
  /** Each command is answered once at most, so there are never more than commands. */
  readonly #late = new Deque<MessageOf<"lateAnswer">>();
  readonly #states = COMMAND_STATES.map((state) => slot("berth_commands_total", state));

  constructor(parts: CommandParts, limits: CommandLimits, recovered: Recovered) {
    this.#at = parts;
    this.#limits = limits;
    this.#book = new CommandBook(limits);
    this.#takers = parts.isOverUdp ? TAKERS_WITH_UDP : TAKERS;
    const mostBytes = Math.min(limits.commandResponseBytes, Math.floor(parts.lifecycle.maxPayload / RESPONSE_SHARE));
    this.#streams = new StreamAnswers(this.#book, mostBytes, (late) => this.#late.push(late));
    const now = this.#now();
    for (const { device: id, ...row } of recovered.commands) {
      const device = asDeviceId(id);
      if (isEnd(row.state)) this.#book.lost(device, row.id, now);
      else this.#book.restore({ ...row, device }, now);
    }
  }

  /** Monotonic ms: nothing is due before. */
  get nextDeadline(): number {
    return this.#book.nextDeadline;
  }

  hasWork(): boolean {
    const first = this.#unkept.at(0);
    return first !== undefined && distance(this.#at.board.commandsKept(), first.position) >= 0;
  }

  /** Null: `flush` answers when the row is on disk. Else why not. */
  submit(message: MessageOf<"submit">, ring: number): readonly [Outcome, string] | null {
    const { request, id, key, text, createdAt, expiresAt, timeoutMs } = message;
    const device = normaliseIdentity(message.device);
    if (device === null || !this.#at.state.known.has(device)) return ["unknown", ""];
    const submission: Submission = { id, device, key, codec: message.codec as CommandCodec, text, createdAt, expiresAt, timeoutMs };
    const most = this.#at.lifecycle.maxPayload;
    if (MESSAGES.commandRow.sizeWith(NAMES) + text.length + most / RESPONSE_SHARE > most) return ["refused", "too_long"];
    const done = this.#book.submit(submission, this.#routeOf(device), { ring, request }, this.#now());
    return done === "accepted" ? null : REFUSED[done];
  }

  /** A command of the gateway itself; `ownEnds` tells its end. False when there is no room for it now. */
  submitOwn(device: DeviceId, text: string): boolean {
    const now = this.#now();
    const route = this.#routeOf(device);
    const hex = (value: number): string => value.toString(16).padStart(ID_DIGITS, "0");
    // A fence is of one process, and the number of one command in it.
    const id = hex(route?.fence ?? 0) + hex(now.wall) + hex(++this.#lastOwn);
    const { commandTtlMs, commandTimeoutMs } = this.#limits;
    const times = { createdAt: now.wall, expiresAt: now.wall + commandTtlMs, timeoutMs: commandTimeoutMs };
    const done = this.#book.submit({ id, device, key: "", codec: 12, text, ...times }, route, NOBODY, now);
    if (done === "accepted") this.#own.add(id);
    return done === "accepted";
  }

  /** What a device says of a command on its stream. Null: `flush` answers when it is on disk. Else why not. */
  report(message: MessageOf<"commandReport">, ring: number): readonly [Outcome, string] | null {
    const device = normaliseIdentity(message.device);
    return device === null ? ["unknown", ""] : this.#streams.report(device, message, ring, this.#now());
  }

  /** A worker's word on what it was handed. */
  done({ no, written }: MessageOf<"commandDone">): void {
    const now = this.#now();
    if (written) this.#book.wasWritten(no, now);
    else this.#book.wasNotWritten(no, now);
    this.#streams.done(no, now);
  }

  answered(message: MessageOf<"commandAnswer">): void {
    const { device, fence, no, codec, messageType, hex, isWhole } = message;
    const now = this.#now();
    const bytes = fromHex(hex);
    const response = isWhole && typeof bytes !== "number" ? responseText(bytes) : null;
    const answer = this.#book.answered(asDeviceId(device), no, messageType === MessageType.nack, response, now);
    // One that is too long is in the journal already, as it came.
    if (answer.kind === "ended" || !isWhole) return;
    this.#late.push({ type: "lateAnswer", device, fence, at: now.wall, command: answer.id ?? "", codec, messageType, hex });
  }

  /** What the registry has just decided, as far as commands follow it. */
  follow(effect: Effect): void {
    switch (effect.type) {
      case "connected":
        return this.#opened(effect.owner);
      case "replaced":
        this.#left(effect.old, effect.cause);
        return this.#opened(effect.owner);
      case "evict":
        return this.#left(effect.owner, effect.reason);
      case "disconnected":
        return this.#left(effect.owner, END_REASONS[effect.reason]!);
      default:
        return;
    }
  }

  /** Everything that can go on goes on. False: something is waiting for room in a ring. */
  flush(): boolean {
    if (this.#book.isQuiet && this.#late.length + this.#unkept.length + this.#streams.refusals.length === 0) return true;
    if (this.#at.board.phase() !== DrainPhase.running) this.#book.stop(this.#now());
    const now = this.#now();
    this.#book.tick(now);
    this.#takeKept();
    const told = this.#tell();
    const replied = this.#reply();
    return this.#hand(now) && this.#tell() && told && replied;
  }

  #now(): Moment {
    return { mono: this.#at.clock.mono(), wall: this.#at.clock.wall() };
  }

  /** Can a command be written to this connection? A device stream says so itself. */
  mayWrite({ claim }: Owner): boolean {
    return claim.takesCommands || this.#takers.has(TRANSPORTS[claim.transport]!);
  }

  /** To the newest of its connections that takes commands. */
  #routeOf(device: DeviceId): Route | null {
    const owner = this.#find(device, (one) => this.mayWrite(one));
    if (owner === null) return null;
    const { ring, conn, transport } = owner.claim;
    return { fence: owner.fence, ring, conn, isLoose: transport === UDP };
  }

  #find(device: DeviceId, fits: (owner: Owner) => boolean): Owner | null {
    let owner = newestAlive(this.#at.state.owners.get(device) ?? null);
    while (owner !== null && !fits(owner)) owner = newestAlive(owner.older);
    return owner;
  }

  #opened({ device }: Owner): void {
    if (!this.#book.knows(device)) return;
    const route = this.#routeOf(device);
    if (route !== null) this.#book.opened(device, route, this.#now());
  }

  #left({ device, fence }: Owner, reason: string): void {
    this.#streams.left(device, fence);
    if (this.#book.knows(device)) this.#book.left(device, fence, reason, this.#routeOf(device), this.#now());
  }

  #takeKept(): void {
    const kept = this.#at.board.commandsKept();
    for (let first = this.#unkept.at(0); first !== undefined; first = this.#unkept.at(0)) {
      if (distance(kept, first.position) < 0) return;
      this.#unkept.shift();
      this.#book.kept(first.change, this.#now());
      this.#streams.kept(first.change);
    }
  }

  #tell(): boolean {
    const { lifecycle, room, counters } = this.#at;
    const { changes } = this.#book;
    for (let change = changes.at(0); change !== undefined; change = changes.at(0)) {
      if (!send(lifecycle, commandRow(change), room.lifecycleReserve)) return false;
      changes.shift();
      counters.add(this.#states[COMMAND_STATES.indexOf(change.state)]!);
      this.#unkept.push({ position: lifecycle.position, change });
      if (isEnd(change.state)) this.#ended(change);
    }
    for (let late = this.#late.at(0); late !== undefined; late = this.#late.at(0)) {
      if (!send(lifecycle, late, room.lifecycleReserve)) return false;
      this.#late.shift();
    }
    return true;
  }

  #ended({ command: { submission: { id, device } }, fence, state, response, reason }: Change): void {
    this.ends++;
    if (this.#own.delete(id)) this.ownEnds.push({ device, fence, state, response, reason });
  }

  #reply(): boolean {
    const { refusals } = this.#streams;
    for (let first = refusals.at(0); first !== undefined; first = refusals.at(0)) {
      if (!this.#tellDone(first.waiter, ...first.refused)) return false;
      refusals.shift();
    }
    const { accepted } = this.#book;
    for (let first = accepted.at(0); first !== undefined; first = accepted.at(0)) {
      if (!this.#tellDone(first.waiter, "done", first.id)) return false;
      accepted.shift();
    }
    return true;
  }

  #tellDone({ ring, request }: Waiter, outcome: Outcome, text: string): boolean {
    if (ring === NOBODY.ring) return true;
    return this.#at.room.mayAnswer(ring) &&
      send(this.#at.answers[ring]!, { type: "done", request, outcome: OUTCOMES.indexOf(outcome), text });
  }

  #hand(now: Moment): boolean {
    const { decisions, room } = this.#at;
    for (let next = this.#book.nextReady(now); next !== null; next = this.#book.nextReady(now)) {
      const { command, route: { ring, conn, fence } } = next;
      const { device, id, codec, text } = command.submission;
      const expiresInMs = command.deadline - now.mono;
      const message = { type: "command", conn, fence, no: command.no, id, codec, text, expiresInMs } as const;
      if (!send(decisions[ring]!, message, room.decisionsReserve(ring))) return false;
      this.#book.handed(command);
      if (this.#find(device, (one) => one.fence === fence)?.claim.transport === SSE) this.#streams.given(command);
    }
    return true;
  }
}
