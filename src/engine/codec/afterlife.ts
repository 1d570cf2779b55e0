/**
 * What is heard of a connection after its eviction: evidence of whether two live peers claim one identity. Ownership never
 * depends on it. A peer whose kernel has not taken the FIN when its reset is due is listened to for longer, a few at a time:
 * it would not hear the reset either. Owned by the codec worker.
 */
import { emptyTcpInfo, FIN_ACKNOWLEDGED, FIN_UNACKNOWLEDGED, PEER_ENDED, type SocketEnd } from "../../platform/port.ts";
import { send } from "../../wire/control.ts";
import type { CodecContext } from "./context.ts";
import type { Connection, Eviction } from "./connection.ts";

export class CodecAfterlife {
  readonly #at: CodecContext;
  readonly #info = emptyTcpInfo();
  /** This worker's share. */
  readonly #mostLingering: number;
  #lingering = 0;

  constructor(context: CodecContext) {
    this.#at = context;
    this.#mostLingering = Math.ceil(context.limits.afterlifeSockets / context.workers);
  }

  /** Before the FIN. */
  begin(connection: Connection): void {
    const { kernel, clock } = this.#at;
    const info = this.#info;
    const before = kernel?.info(connection.socket.fd, info) === true
      ? { segments: info.segmentsReceived, bytes: info.bytesReceived }
      : null;
    const hadEnded = before !== null && PEER_ENDED.includes(info.state);
    connection.eviction = { at: clock.mono(), before, hadEnded, answered: false, bytesAfter: false, wasReset: false, lingers: false };
  }

  /** Bytes of an evicted one: read, and dropped. */
  heard(eviction: Eviction): void {
    eviction.answered = true;
    eviction.bytesAfter = true;
  }

  /** The reset is due. Is the peer worth listening to for longer? */
  mayLinger(connection: Connection): boolean {
    const { eviction } = connection;
    const { limits, clock } = this.#at;
    if (eviction === null || !this.#look(connection, eviction) || eviction.answered) return false;
    // With nothing on its way it is a full window that keeps the FIN here: that peer has answered often enough.
    if (!FIN_UNACKNOWLEDGED.includes(this.#info.state) || this.#info.unacked === 0) return false;
    if (clock.mono() - eviction.at >= limits.afterlifeMs) return false;
    if (eviction.lingers) return true;
    if (this.#lingering >= this.#mostLingering) return false;
    this.#lingering++;
    return eviction.lingers = true;
  }

  /** Our reset is about to be sent: the last look at the socket. */
  resetting(connection: Connection): void {
    const { eviction } = connection;
    if (eviction === null) return;
    this.#look(connection, eviction);
    eviction.wasReset = true;
  }

  /** The socket is closed. `keepFree`: bytes of claims ring that others need; without room nothing is told. */
  ended(connection: Connection, how: SocketEnd, keepFree: number): void {
    const { eviction, device, fence, sent } = connection;
    if (eviction === null) return;
    if (eviction.lingers) this.#lingering--;
    if (!eviction.wasReset && how !== "lost") eviction.answered = true;
    const answered = eviction.answered && !eviction.hadEnded;
    const { bytesAfter } = eviction;
    this.#at.tally.evicted(answered);
    if (sent !== null) send(this.#at.claims, sent.message(device, fence), keepFree);
    send(this.#at.claims, { type: "afterlife", device, fence, answered, bytesAfter }, keepFree);
  }

  /** False when the kernel cannot be asked. */
  #look(connection: Connection, eviction: Eviction): boolean {
    const info = this.#info;
    if (eviction.before === null || this.#at.kernel?.info(connection.socket.fd, info) !== true) return false;
    if (info.segmentsReceived !== eviction.before.segments || FIN_ACKNOWLEDGED.includes(info.state)) eviction.answered = true;
    if (info.bytesReceived !== eviction.before.bytes) eviction.bytesAfter = true;
    return true;
  }
}
