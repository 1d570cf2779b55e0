/**
 * How a connection ends: its close begins once (here), the registry is told at that moment, the socket gets a FIN and, when
 * that is not taken, a reset; when the runtime says it is closed the slot is free. Owned by the codec worker.
 */
import { assert } from "../../base/assert.ts";
import { END_REASONS, type EndReason, MESSAGES, send } from "../../wire/control.ts";
import type { SocketEnd } from "../../platform/port.ts";
import { messageBytes } from "../../ring/layout.ts";
import { CodecAfterlife } from "./afterlife.ts";
import type { CodecContext } from "./context.ts";
import { type Connection, Stage } from "./connection.ts";

export const closeBytes = (device: string): number => messageBytes(MESSAGES.close.sizeWith(device.length));
/** How often one that lingers is looked at. */
const LOOK_AGAIN_MS = 100;
const LARGEST_CLOSE = closeBytes("x".repeat(64));

export class CodecEnding {
  readonly #at: CodecContext;
  readonly #afterlife: CodecAfterlife;
  /** Bytes of claims ring kept for the closes of all claimed connections; one largest more, for the ring's wrap. */
  #reserve = LARGEST_CLOSE;

  constructor(context: CodecContext) {
    this.#at = context;
    this.#afterlife = new CodecAfterlife(context);
  }

  get reserve(): number {
    return this.#reserve;
  }

  /** From its claim on the registry is owed a close, and room for it is kept. */
  claimed(connection: Connection): void {
    connection.claimed = true;
    this.#reserve += closeBytes(connection.device);
  }

  /** The registry has forgotten it (refused) or is being told: no close is owed any more. */
  unclaimed(connection: Connection): void {
    connection.claimed = false;
    this.#reserve -= closeBytes(connection.device);
  }

  /** Begins the close. What was to be answered and is not yet written is lost; the device sends it again. */
  begin(connection: Connection, reason: EndReason): void {
    if (connection.stage === Stage.ending) return;
    this.#leave(connection, reason);
    connection.socket.end();
    this.#at.wheel.arm(connection.slot, this.#at.clock.mono() + this.#at.limits.evictedCloseMs);
  }

  /** Begins the close because the registry says so. */
  evict(connection: Connection, reason: EndReason): void {
    this.#afterlife.begin(connection);
    this.begin(connection, reason);
  }

  /** Bytes of a connection whose close has begun. */
  heard(connection: Connection): void {
    if (connection.eviction !== null) this.#afterlife.heard(connection.eviction);
  }

  /** The time for the FIN is over. */
  due(connection: Connection): void {
    if (!this.#afterlife.mayLinger(connection)) return this.force(connection);
    this.#at.wheel.arm(connection.slot, this.#at.clock.mono() + LOOK_AGAIN_MS);
  }

  /** The FIN was not taken in time. */
  force(connection: Connection): void {
    this.#afterlife.resetting(connection);
    connection.socket.reset();
  }

  /** The socket is closed, by us or by the peer: the last that is heard of it. */
  closed(connection: Connection, how: SocketEnd): void {
    if (connection.stage !== Stage.ending) this.#leave(connection, how);
    this.#at.wheel.cancel(connection.slot);
    this.#afterlife.ended(connection, how, this.#reserve);
    this.#at.table.remove(connection);
    this.#at.tally.closed(connection.reason);
    this.#at.board.setSockets(this.#at.worker, this.#at.table.count);
  }

  /** Tells the registry, without touching the socket: the first half of a shutdown's goodbye. */
  tellRegistry(connection: Connection, reason: EndReason): void {
    if (!connection.claimed) return;
    const { id: conn, device, fence, lastByteAt } = connection;
    this.unclaimed(connection);
    const position = this.#lastPosition(connection);
    const told = send(this.#at.claims, { type: "close", conn, device, fence, position, reason: END_REASONS.indexOf(reason), lastByteAt });
    assert(told, "no room was kept for a close");
  }

  #leave(connection: Connection, reason: EndReason): void {
    if (connection.stage !== Stage.open) this.#at.addresses.leave(connection.socket.peer.address);
    connection.stage = Stage.ending;
    connection.reason = reason;
    connection.framer.end();
    this.tellRegistry(connection, reason);
  }

  /**
   * Up to where the journal takes this worker's frames before it writes the disconnect. With no frame waiting that is
   * what is settled already: a position of long ago may look like one ahead, as they are compared modulo 2^32.
   */
  #lastPosition(connection: Connection): number {
    return connection.unacked > 0 || connection.keptBadFrame ? connection.position : this.#at.board.settled(this.#at.worker);
  }
}
