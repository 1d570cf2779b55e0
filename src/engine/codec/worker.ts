/**
 * A codec worker: its sockets, and the order in which its parts get their turn. Owned by the codec worker's thread.
 *
 *   socket ─▶ framer ─▶ CodecFrames ─▶ frames ring ─▶ (journal) ─▶ CodecVerdicts ─▶ socket
 *                └────▶ CodecLogin ─▶ claims ring ─▶ (registry) ─▶ CodecLogin ─▶ socket
 *
 * What is put into rings in one turn is published at its end, all at once.
 */
import { Framer } from "../../codec/framer.ts";
import type { Discard } from "../../platform/memory.ts";
import type { Socket, SocketEnd, SocketHandler } from "../../platform/port.ts";
import { CodecCommands } from "./commands.ts";
import type { CodecContext } from "./context.ts";
import { type Connection, Stage } from "./connection.ts";
import { CodecEnding } from "./ending.ts";
import { CodecFrames } from "./frames.ts";
import { CodecLogin } from "./login.ts";
import { CodecProbes } from "./probe.ts";
import { CodecSampler } from "./sampler.ts";
import { CodecVerdicts } from "./verdicts.ts";

/** Null for a socket that was turned away as it came. */
type Link = Connection | null;

export class CodecWorker implements SocketHandler<Link> {
  readonly #at: CodecContext;
  readonly #ending: CodecEnding;
  readonly #probes: CodecProbes;
  readonly #sampler: CodecSampler;
  readonly #commands: CodecCommands;
  readonly #login: CodecLogin;
  readonly #frames: CodecFrames;
  readonly #verdicts: CodecVerdicts;
  readonly #byEvents: boolean;
  #publishing = false;
  #reading = true;
  /** Sockets so far. */
  opened = 0;

  /** `byEvents`: sockets are served between turns, not in them; what they bring is published without waiting for one. */
  constructor(context: CodecContext, byEvents = true) {
    this.#at = context;
    this.#byEvents = byEvents;
    this.#ending = new CodecEnding(context);
    this.#probes = new CodecProbes(context, this.#ending);
    this.#sampler = new CodecSampler(context);
    this.#commands = new CodecCommands(context, this.#ending);
    this.#login = new CodecLogin(context, this.#ending, this.#probes, this.#commands);
    this.#frames = new CodecFrames(context, this.#login, this.#commands);
    this.#verdicts = new CodecVerdicts(context, this.#ending);
  }

  open(socket: Socket): Link {
    this.opened++;
    const { table, board, worker, wheel, clock, limits, frames } = this.#at;
    const connection = this.#reading ? table.add(socket, frames.position, clock.wall()) : null;
    if (connection === null) {
      this.#at.addresses.leave(socket.peer.address);
      this.#at.tally.closed(this.#reading ? "store_busy" : "shutdown");
      socket.reset();
      return null;
    }
    this.#at.presence.open(connection.id, connection.lastByteAt);
    connection.framer = new Framer(this.#frames, connection, limits.frameBytes);
    wheel.arm(connection.slot, clock.mono() + limits.loginTimeoutMs);
    board.setSockets(worker, table.count);
    return connection;
  }

  data(connection: Link, bytes: Uint8Array): void {
    if (connection === null) return;
    if (connection.stage === Stage.ending) return this.#ending.heard(connection);
    if (!this.#reading) return;
    this.#now();
    connection.lastByteAt = this.#frames.readAt;
    this.#at.presence.heard(connection.slot, this.#frames.readAt);
    if (connection.stage === Stage.open) this.#at.wheel.putOff(connection.slot, this.#frames.readAtMono + this.#at.limits.idleTimeoutMs);
    connection.framer.push(bytes);
    this.#afterFraming(connection);
  }

  /** The device sends no more. What it is owed it still gets. */
  ended(connection: Link): boolean {
    if (connection === null || connection.stage === Stage.ending || !isOwed(connection)) return false;
    return connection.hasEnded = true;
  }

  drain(connection: Link): void {
    if (connection === null || connection.stage === Stage.ending) return;
    connection.out.drained();
    this.#verdicts.write(connection);
    if (connection.command === null && !connection.hasEnded) return;
    this.#now();
    this.#goOn(connection);
    this.#publishSoon();
  }

  close(connection: Link, how: SocketEnd): void {
    if (connection === null) return;
    this.#ending.closed(connection, how);
    this.#publishSoon();
  }

  hasWork(): boolean {
    return this.#at.decisions.hasNext() || this.#verdicts.hasWork();
  }

  /** Takes decisions and verdicts, and offers room to those who wait for it. */
  turn(): void {
    this.#now();
    this.#login.takeDecisions((connection) => this.#opened(connection));
    this.#verdicts.take((connection) => this.#goOn(connection));
    this.#commands.look(this.#frames.readAtMono, (connection) => this.#goOn(connection));
    this.#offerRoom();
    this.#sampler.step(this.#frames.readAt);
    this.publish();
  }

  /** The next tick shall come soon: something waits that no bell tells of. */
  get hurried(): boolean {
    return this.#probes.running || this.#commands.running || this.#frames.waiting.length > 0;
  }

  /** When a tick has a deadline to look at, by the monotonic clock; Infinity: there is none. */
  get dueAt(): number {
    return this.#at.wheel.dueAt;
  }

  /** Looks at the deadlines, and brings the gauges up to date. */
  tick(): void {
    this.turn();
    const { wheel, clock, tally, table, frames, claims } = this.#at;
    this.#probes.look(clock.mono());
    wheel.advance(clock.mono(), (slot) => this.#due(table.at(slot)));
    tally.gauges(table.count, frames.capacity - frames.free(), claims.capacity - claims.free());
    this.publish();
  }

  /** Of the rings this worker writes: what they hold nothing in. */
  giveBack(discard: Discard): void {
    this.#at.frames.giveBack(discard);
    this.#at.claims.giveBack(discard);
  }

  get sockets(): number {
    return this.#at.table.count;
  }

  /** Nothing is read any more. Who has not logged in has nothing here to wait for. */
  pause(): void {
    this.#reading = false;
    this.#commands.stop(this.#at.clock.mono());
    for (const connection of this.#at.table.all()) {
      if (connection.stage === Stage.open) connection.socket.pause();
      else this.#ending.begin(connection, "shutdown");
    }
    this.publish();
  }

  /** Every frame has its verdict and every answer is written. */
  get quiet(): boolean {
    return this.#at.fifo.length === 0 && !this.#at.table.all().some((one) => one.stage === Stage.open && one.out.length > 0);
  }

  /** The registry hears of every close to come, so that it writes down when each was last heard. */
  farewell(): void {
    for (const connection of this.#at.table.all()) this.#ending.tellRegistry(connection, "shutdown");
    this.publish();
  }

  endAll(): void {
    for (const connection of this.#at.table.all()) {
      this.#ending.begin(connection, "shutdown");
      // A paused socket does not hear the peer's FIN.
      connection.socket.resume();
    }
    this.publish();
  }

  resetAll(): void {
    for (const connection of this.#at.table.all()) this.#ending.force(connection);
  }

  #now(): void {
    this.#frames.readAt = this.#at.clock.wall();
    this.#frames.readAtMono = this.#at.clock.mono();
  }

  #opened(connection: Connection): void {
    this.#verdicts.touch(connection);
    this.#goOn(connection);
  }

  /** Something it waited for has come. */
  #goOn(connection: Connection): void {
    this.#readOn(connection);
    const { wantsEnd } = connection;
    if (!connection.hasEnded || connection.stage !== Stage.open || (wantsEnd === null ? isOwed(connection) : connection.unacked > 0)) {
      return;
    }
    this.#ending.begin(connection, wantsEnd ?? "closed");
    this.#publishSoon();
  }

  /** Lets a framer that paused go on, unless what it waits for is still missing. A command goes first. */
  #readOn(connection: Connection): void {
    const { framer } = connection;
    if (connection.command !== null) {
      this.#commands.write(connection, this.#frames.readAtMono);
      if (this.#commands.wantsQuiet(connection, this.#frames.readAtMono) && connection.out.length + connection.unacked > 0) return;
    }
    if (!framer.paused || connection.waiting || !this.#reading) return;
    if (connection.stage !== Stage.open || connection.unacked >= this.#at.limits.unackedFramesPerConnection) return;
    framer.resume();
    this.#afterFraming(connection);
  }

  /** Ends what the framer's calls wanted ended, behind the verdicts on what came before, and stops or starts the socket by what the framer holds. */
  #afterFraming(connection: Connection): void {
    this.#at.presence.inFlight(connection.slot, connection.unacked);
    if (connection.wantsEnd !== null) {
      if (connection.unacked === 0) this.#ending.begin(connection, connection.wantsEnd);
      else connection.hasEnded = true;
    } else if (connection.framer.paused) {
      if (!connection.paused && connection.framer.heldBytes > this.#at.limits.frameBytes) {
        connection.paused = true;
        connection.socket.pause();
      }
    } else if (connection.paused) {
      connection.paused = false;
      connection.socket.resume();
    }
    this.#publishSoon();
  }

  #offerRoom(): void {
    const { waiting } = this.#frames;
    if (waiting.length === 0 || this.#at.fifo.full) return;
    this.#frames.waiting = [];
    for (const connection of waiting) {
      connection.waiting = false;
      this.#goOn(connection);
    }
  }

  #due(connection: Connection): void {
    switch (connection.stage) {
      case Stage.ending:
        return this.#ending.due(connection);
      case Stage.open:
        return this.#ending.begin(connection, "idle_timeout");
      case Stage.login:
      case Stage.claiming:
        this.#at.tally.login("timeout");
        this.#at.warnings.about("login_timeout", connection, `Cannot admit device: no login within ${this.#at.limits.loginTimeoutMs} ms`);
        return this.#ending.begin(connection, "login_timeout");
    }
  }

  #publishSoon(): void {
    if (this.#publishing || !this.#byEvents) return;
    this.#publishing = true;
    setImmediate(() => {
      this.#publishing = false;
      this.publish();
    });
  }

  /** What was put into rings is seen from now on. Frames first: a close names a position in their ring. */
  publish(): void {
    this.#at.frames.publish();
    this.#at.claims.publish();
  }
}

/** Frames without a verdict or not taken yet, or answers not written. */
const isOwed = ({ unacked, out, framer }: Connection): boolean => unacked > 0 || out.length > 0 || (framer.paused && framer.heldBytes > 0);
