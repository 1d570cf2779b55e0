/**
 * How a connection of a peer ends: its close begins once (here), the registry and the scheduler are told at that moment, the
 * peer hears why and gets a FIN, and a reset when it does not take that. Owned by the peer thread.
 */
import { assert } from "../../base/assert.ts";
import type { SocketEnd } from "../../platform/port.ts";
import type { DialEvent } from "../../registry/dial_state.ts";
import { NONE } from "../../registry/dial_state.ts";
import { messageBytes } from "../../ring/layout.ts";
import { END_REASONS, type EndReason, MESSAGES, send } from "../../wire/control.ts";
import { byeText } from "../../wire/peer_line.ts";
import { type PeerConnection, PeerStage } from "./connection.ts";
import type { PeerContext } from "./context.ts";

const LONGEST_IDENTITY = 64;
const bytesOf = (type: "close" | "probed" | "afterlife"): number => messageBytes(MESSAGES[type].sizeWith(LONGEST_IDENTITY));
/** What the registry may still have to hear of one connection it knows: there is always room for it. */
const OWED_BYTES = bytesOf("close") + bytesOf("probed") + bytesOf("afterlife");

export class PeerEnding {
  readonly #at: PeerContext;
  readonly #schedule: (event: DialEvent) => void;

  constructor(context: PeerContext, schedule: (event: DialEvent) => void) {
    this.#at = context;
    this.#schedule = schedule;
  }

  /** Bytes of claims ring that a claim leaves free: for all connections, one more, and the ring's wrap. */
  get reserve(): number {
    return (this.#at.table.count + 2) * OWED_BYTES;
  }

  /** Begins the close. `lastLine`: what the peer is told; a goodbye with the reason when it was admitted. */
  begin(connection: PeerConnection, reason: EndReason, lastLine: string | null = null): void {
    if (connection.stage === PeerStage.ending) return;
    const wasOpen = connection.stage === PeerStage.open;
    this.#leave(connection, reason);
    const line = lastLine ?? (wasOpen ? byeText(reason) : null);
    if (line !== null) connection.write(connection.framing.encode(line));
    connection.write(connection.framing.farewell(reason));
    connection.socket.end();
    connection.deadline = this.#at.clock.mono() + this.#at.limits.evictedCloseMs;
  }

  /** Begins the close because the registry says so. */
  evict(connection: PeerConnection, reason: EndReason): void {
    connection.afterlife = { answered: false, bytesAfter: false, wasReset: false };
    this.begin(connection, reason);
  }

  /** The FIN was not taken in time. */
  force(connection: PeerConnection): void {
    if (connection.afterlife !== null) connection.afterlife.wasReset = true;
    connection.deadline = Infinity;
    connection.socket.reset();
  }

  /** The socket is closed: the last that is heard of it. */
  closed(connection: PeerConnection, how: SocketEnd): void {
    if (connection.stage !== PeerStage.ending) this.#leave(connection, how);
    const { peer, fence, afterlife } = connection;
    if (peer !== null && afterlife !== null) {
      const answered = afterlife.answered || (!afterlife.wasReset && how !== "lost");
      this.#send({ type: "afterlife", device: peer, fence, answered, bytesAfter: afterlife.bytesAfter });
    }
    this.#at.table.remove(connection);
  }

  /** Tells the registry, without touching the socket: the first half of a shutdown's goodbye. */
  tellRegistry(connection: PeerConnection, reason: EndReason): void {
    if (!connection.claimed) return;
    connection.claimed = false;
    const { id: conn, peer, fence, lastByteAt } = connection;
    const position = this.#at.board.settled(this.#at.ring);
    this.#send({ type: "close", conn, device: peer!, fence, position, reason: END_REASONS.indexOf(reason), lastByteAt });
  }

  /** What the probe of this connection found. */
  probed(connection: PeerConnection, answers: boolean): void {
    connection.probeDeadline = null;
    this.#send({ type: "probed", device: connection.peer!, fence: connection.fence, answers });
  }

  #send(message: Parameters<typeof send>[1]): void {
    assert(send(this.#at.claims, message), `no room was kept for ${message.type}`);
  }

  #leave(connection: PeerConnection, reason: EndReason): void {
    const { stage, dial, dialled, peer, id } = connection;
    connection.stage = PeerStage.ending;
    connection.reason = reason;
    connection.probeDeadline = null;
    this.tellRegistry(connection, reason);
    if (dialled !== null && dial !== NONE && stage !== PeerStage.open) this.#schedule({ type: "failed", peer: dialled, dial });
    else if (peer !== null) this.#schedule({ type: "gone", peer, conn: id });
  }
}
