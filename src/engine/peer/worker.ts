/**
 * The peer thread's sockets, and the order in which its parts get their turn. Owned by the peer thread.
 *
 *   socket ─▶ framing ─▶ PeerTalk ─▶ PeerClaims ─▶ claims ring ─▶ (registry) ─▶ PeerClaims ─▶ open, until either side ends it
 *                            └──────▶ PeerDials ◀───────────────────────────────────┘
 */
import type { DeviceId } from "../../base/brand.ts";
import type { Platform, Socket, SocketHandler } from "../../platform/port.ts";
import type { stepDial } from "../../registry/dial.ts";
import type { DialEvent } from "../../registry/dial_state.ts";
import { dialledFraming, diallingFraming } from "../../wire/peer_choose.ts";
import type { FramingSink } from "../../wire/peer_framing.ts";
import { PeerClaims } from "./claims.ts";
import { PeerConnection, PeerStage } from "./connection.ts";
import type { PeerContext } from "./context.ts";
import { type DialDoor, PeerDials } from "./dials.ts";
import { PeerEnding } from "./ending.ts";
import { PeerTalk } from "./talk.ts";

/** Null for a socket that was turned away as it came. */
type Link = PeerConnection | null;

export class PeerWorker {
  readonly #at: PeerContext;
  readonly #ending: PeerEnding;
  readonly #talk: PeerTalk;
  readonly #claims: PeerClaims;
  readonly #dials: PeerDials;
  #accepting = true;
  readonly handler: SocketHandler<Link> = {
    open: (socket) => this.#open(socket, null),
    data: (connection, bytes) => connection !== null && this.#data(connection, bytes),
    drain: (connection) => connection?.drained(),
    close: (connection, how) => {
      if (connection === null) return;
      this.#ending.closed(connection, how);
      this.#at.claims.publish();
    },
  };

  /** `core`: see PeerDials. */
  constructor(context: PeerContext, platform: Pick<Platform, "lookup" | "connectTcp">, core?: typeof stepDial) {
    const schedule = (event: DialEvent): void => this.#dials.tell(event);
    this.#at = context;
    this.#ending = new PeerEnding(context, schedule);
    this.#talk = new PeerTalk(context, this.#ending, (connection, peer) => this.#greeted(connection, peer));
    this.#claims = new PeerClaims(context, this.#ending, this.#talk, schedule);
    const door: DialDoor = {
      dialled: (socket, peer, dial) => this.#open(socket, { peer, dial }),
      giveUp: (connection, reason) => this.#ending.begin(connection, reason),
      handler: this.handler,
    };
    this.#dials = core === undefined ? new PeerDials(context, platform, door) : new PeerDials(context, platform, door, core);
  }

  start(): void {
    this.#dials.start();
  }

  hasWork(): boolean {
    return this.#at.decisions.hasNext();
  }

  turn(): void {
    this.#claims.take();
    this.#at.claims.publish();
  }

  /** Looks at the deadlines. */
  tick(): void {
    this.#claims.take();
    const now = this.#at.clock.mono();
    for (const connection of this.#at.table.all()) this.#look(connection, now);
    this.#dials.tick();
    this.#at.tally.sockets(this.#at.table.count);
    this.#at.claims.publish();
  }

  get sockets(): number {
    return this.#at.table.count;
  }

  /** Shutdown, in the order of its phases (codec/drain.ts): nothing new, */
  pause(): void {
    this.#accepting = false;
    this.#dials.tell({ type: "drain" });
    for (const connection of this.#at.table.all()) if (connection.stage !== PeerStage.open) this.#ending.begin(connection, "shutdown");
    this.#at.claims.publish();
  }
  /** nothing in flight, as peers send nothing that needs a verdict, */
  get quiet(): boolean {
    return true;
  }
  /** the registry hears of every close to come, */
  farewell(): void {
    for (const connection of this.#at.table.all()) this.#ending.tellRegistry(connection, "shutdown");
    this.#at.claims.publish();
  }
  /** and the peers hear it too. */
  endAll(): void {
    for (const connection of this.#at.table.all()) this.#ending.begin(connection, "shutdown");
    this.#at.claims.publish();
  }
  resetAll(): void {
    for (const connection of this.#at.table.all()) this.#ending.force(connection);
  }

  #open(socket: Socket, from: { readonly peer: DeviceId; readonly dial: number } | null): Link {
    const { limits, clock, random, table, presence, peers } = this.#at;
    const target = from === null ? null : peers.get(from.peer)!.dial!;
    const framing = target === null
      ? dialledFraming(limits.greetingBytes)
      : diallingFraming(target.kind, `${target.host}:${target.port}`, limits.greetingBytes, random);
    const at = { wall: clock.wall(), mono: clock.mono() };
    const deadline = at.mono + limits.greetingMs;
    // Strangers never take the room that our own dials need.
    const mayCome = from !== null || table.count + peers.size < limits.peerSockets;
    const admits = this.#accepting && mayCome;
    const connection = admits ? table.add((id) => new PeerConnection(id, socket, framing, from, at, deadline)) : null;
    if (connection === null) {
      this.#at.tally.refused(this.#accepting ? "connections" : "draining");
      socket.reset();
      return null;
    }
    presence.open(connection.id, at.wall);
    framing.begin(this.#sink(connection));
    return connection;
  }

  #sink(connection: PeerConnection): FramingSink {
    return {
      line: (text) => this.#talk.line(connection, text),
      answer: (bytes) => this.#talk.write(connection, bytes),
      // Who dialled speaks first.
      ready: () => connection.dialled !== null && this.#talk.greet(connection),
    };
  }

  #data(connection: PeerConnection, bytes: Uint8Array): void {
    if (connection.stage === PeerStage.ending) {
      if (connection.afterlife !== null) connection.afterlife.answered = connection.afterlife.bytesAfter = true;
      return;
    }
    connection.lastByteAt = this.#at.clock.wall();
    connection.heardAt = this.#at.clock.mono();
    this.#at.presence.heard(connection.slot, connection.lastByteAt);
    if (connection.probeDeadline !== null) this.#ending.probed(connection, true);
    const fault = connection.framing.push(bytes, this.#sink(connection));
    if (fault !== null) this.#talk.unreadable(connection, fault);
    this.#at.claims.publish();
  }

  #greeted(connection: PeerConnection, peer: DeviceId): void {
    const { id: conn, dial, dialled } = connection;
    this.#dials.tell(dialled === null ? { type: "incoming", peer, conn } : { type: "stage", peer, dial, stage: "claiming" });
    if (connection.stage === PeerStage.greeting) this.#claims.claim(connection, peer);
  }

  #look(connection: PeerConnection, now: number): void {
    const { stage, probeDeadline, peer } = connection;
    if (stage === PeerStage.ending) {
      if (now >= connection.deadline) this.#ending.force(connection);
    } else if (now >= connection.deadline) this.#talk.late(connection);
    else if (peer !== null && now - connection.heardAt >= this.#at.limits.peerDeadMs) this.#ending.begin(connection, "lost");
    else {
      if (probeDeadline !== null && now >= probeDeadline) this.#ending.probed(connection, false);
      if (now >= connection.pingAt) this.#talk.ping(connection);
    }
  }
}
