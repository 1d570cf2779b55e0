/** A peer's claim to the registry, its decision, and the registry's other words about connections. Owned by the peer thread. */
import { assertNever } from "../../base/assert.ts";
import type { DeviceId } from "../../base/brand.ts";
import type { DialEvent } from "../../registry/dial_state.ts";
import { Gate } from "../../wire/board.ts";
import { DECISIONS, END_REASONS, type MessageOf, receive, type Refusal, REFUSALS, send, TRANSPORTS } from "../../wire/control.ts";
import { type PeerConnection, PeerStage } from "./connection.ts";
import type { PeerContext } from "./context.ts";
import type { PeerEnding } from "./ending.ts";
import type { PeerTalk } from "./talk.ts";
import { PEER_CLASS } from "../registry/policies.ts";

const PEER = TRANSPORTS.indexOf("peer");

export class PeerClaims {
  readonly #at: PeerContext;
  readonly #ending: PeerEnding;
  readonly #talk: PeerTalk;
  readonly #schedule: (event: DialEvent) => void;

  constructor(context: PeerContext, ending: PeerEnding, talk: PeerTalk, schedule: (event: DialEvent) => void) {
    this.#at = context;
    this.#ending = ending;
    this.#talk = talk;
    this.#schedule = schedule;
  }

  claim(connection: PeerConnection, peer: DeviceId): void {
    const { board, claims, clock } = this.#at;
    const { id: conn, socket: { peer: { address, port } }, dialled } = connection;
    if (board.gate() === Gate.failing) return this.#talk.refused(connection, "store_failing");
    const sent = send(claims, {
      type: "claim",
      conn,
      device: peer,
      deviceClass: PEER_CLASS,
      transport: PEER,
      address,
      port,
      // However it reaches us, it is one origin.
      clientInstance: peer,
      tls: "",
      at: clock.wall(),
      dialled: dialled !== null,
    }, this.#ending.reserve);
    if (!sent) return this.#talk.refused(connection, "store_busy");
    connection.claimed = true;
    connection.stage = PeerStage.claiming;
  }

  /** Takes what the registry says. */
  take(): void {
    const { decisions, table } = this.#at;
    while (decisions.next()) {
      const message = receive(decisions);
      if (message.type !== "decided" && message.type !== "evict" && message.type !== "probe") {
        throw new Error(`unexpected ${message.type} in a decisions ring`);
      }
      const connection = table.get(message.conn);
      // It has ended meanwhile, and the registry has been told.
      if (connection === null || connection.stage === PeerStage.ending) continue;
      if (message.type === "decided") this.#decided(connection, message);
      else if (message.type === "probe") this.#probe(connection, message);
      else this.#ending.evict(connection, END_REASONS[message.reason]!);
    }
    decisions.release();
  }

  #decided(connection: PeerConnection, message: MessageOf<"decided">): void {
    if (connection.stage !== PeerStage.claiming) return;
    const decision = DECISIONS[message.decision]!;
    switch (decision) {
      case "admit":
        connection.fence = message.fence;
        connection.stage = PeerStage.open;
        connection.pingAt = this.#at.clock.mono() + this.#at.limits.pingMs;
        return this.#schedule({ type: "registered", peer: connection.peer!, conn: connection.id, dial: connection.dial });
      case "pending":
        return;
      case "refuse":
        // The registry has forgotten it: no close is owed.
        connection.claimed = false;
        return this.#talk.refused(connection, REFUSALS[message.refusal] as Exclude<Refusal, "none">);
      default:
        assertNever(decision, "decision");
    }
  }

  /** The registry wants to know whether the peer answers: any bytes by the deadline will do, and a ping asks for some. */
  #probe(connection: PeerConnection, { fence, deadlineMs }: MessageOf<"probe">): void {
    if (connection.stage !== PeerStage.open || connection.fence !== fence) return;
    connection.probeDeadline = this.#at.clock.mono() + deadlineMs;
    this.#talk.ping(connection);
  }
}
