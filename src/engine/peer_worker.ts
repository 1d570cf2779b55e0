/**
 * The peer thread's sockets, and the order in which its parts get their turn. Owned by the peer thread.
 *
 *   socket ─▶ framing ─▶ greeting ─▶ claims ring ─▶ (registry) ─▶ decision ─▶ open: pings, until either side ends it
 *                           └─▶ dial scheduler ◀──────────────────────┘
 */
import { assertNever } from "../base/assert.ts";
import type { DeviceId } from "../base/brand.ts";
import type { Platform, Socket, SocketHandler } from "../platform/port.ts";
import { Gate } from "../wire/board.ts";
import { DECISIONS, END_REASONS, type MessageOf, receive, type Refusal, REFUSALS, send, TRANSPORTS } from "../wire/control.ts";
import { dialledFraming, diallingFraming } from "../wire/peer_choose.ts";
import type { FramingSink } from "../wire/peer_framing.ts";
import { type GreetingFault, greetingText, parsePeerLine, type PeerLine, pingText, refusedText } from "../wire/peer_line.ts";
import { PeerConnection, PeerStage } from "./peer_connection.ts";
import type { PeerContext, PeerRefusal } from "./peer_context.ts";
import { type DialDoor, PeerDials } from "./peer_dials.ts";
import { PeerEnding } from "./peer_ending.ts";
import { judgeGreeting } from "./peer_greeting.ts";
import { PEER_CLASS } from "./registry_policies.ts";

const PEER = TRANSPORTS.indexOf("peer");
/** Null for a socket that was turned away as it came. */
type Link = PeerConnection | null;

export class PeerWorker {
  readonly #at: PeerContext;
  readonly #ending: PeerEnding;
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

  constructor(context: PeerContext, platform: Pick<Platform, "lookup" | "connectTcp">) {
    this.#at = context;
    this.#ending = new PeerEnding(context, (event) => this.#dials.tell(event));
    const door: DialDoor = {
      dialled: (socket, peer, dial) => this.#open(socket, { peer, dial }),
      giveUp: (connection, reason) => this.#ending.begin(connection, reason),
      handler: this.handler,
    };
    this.#dials = new PeerDials(context, platform, door);
  }

  start(): void {
    this.#dials.start();
  }

  hasWork(): boolean {
    return this.#at.decisions.hasNext();
  }

  /** Takes what the registry says. */
  turn(): void {
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
    this.#at.claims.publish();
  }

  /** Looks at the deadlines. */
  tick(): void {
    this.turn();
    const now = this.#at.clock.mono();
    for (const connection of this.#at.table.all()) this.#look(connection, now);
    this.#dials.tick();
    this.#at.tally.sockets(this.#at.table.count);
    this.#at.claims.publish();
  }

  get sockets(): number {
    return this.#at.table.count;
  }

  /** Shutdown, in the order of its phases (codec_drain.ts): nothing new, */
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
    const { limits, clock, random, table, presence } = this.#at;
    const target = from === null ? null : this.#at.peers.get(from.peer)!.dial!;
    const framing = target === null
      ? dialledFraming(limits.greetingBytes)
      : diallingFraming(target.kind, `${target.host}:${target.port}`, limits.greetingBytes, random);
    const at = { wall: clock.wall(), mono: clock.mono() };
    const deadline = at.mono + limits.greetingMs;
    const connection = this.#accepting ? table.add((id) => new PeerConnection(id, socket, framing, from, at, deadline)) : null;
    if (connection === null) {
      socket.reset();
      return null;
    }
    presence.open(connection.id, at.wall);
    framing.begin(this.#sink(connection));
    return connection;
  }

  #sink(connection: PeerConnection): FramingSink {
    return {
      line: (text) => {
        this.#line(connection, text);
        return connection.stage !== PeerStage.ending;
      },
      answer: (bytes) => this.#write(connection, bytes),
      // Who dialled speaks first.
      ready: () => connection.dialled !== null && this.#say(connection, greetingText(this.#at.self, this.#at.policy)),
    };
  }

  #write(connection: PeerConnection, bytes: Uint8Array): void {
    if (!connection.write(bytes)) this.#ending.begin(connection, "slow");
  }
  #say(connection: PeerConnection, line: string): void {
    this.#write(connection, connection.framing.encode(line));
  }

  #data(connection: PeerConnection, bytes: Uint8Array): void {
    if (connection.stage === PeerStage.ending) {
      if (connection.afterlife !== null) connection.afterlife.answered = connection.afterlife.bytesAfter = true;
      return;
    }
    connection.lastByteAt = this.#at.clock.wall();
    connection.heardAt = this.#at.clock.mono();
    this.#at.presence.heard(connection.slot, connection.lastByteAt);
    // Bytes after the probe's start are its answer.
    if (connection.probe !== null) this.#ending.probed(connection, true);
    const fault = connection.framing.push(bytes, this.#sink(connection));
    if (fault !== null) this.#refuse(connection, fault, `Cannot read peer's line: ${fault === "too_long" ? "too long" : "no such frame"}`);
    this.#at.claims.publish();
  }

  #line(connection: PeerConnection, text: string): void {
    const parsed = parsePeerLine(text);
    if (!parsed.ok) return this.#refuse(connection, parsed.fault, parsed.message);
    const line = parsed.value;
    if (line.type === "refused") return this.#wasRefused(connection, line);
    const greeting = connection.stage === PeerStage.greeting;
    if (greeting !== (line.type === "greeting")) {
      return this.#refuse(connection, "bad_line", `Cannot greet peer: ${line.type} ${greeting ? "before" : "after"} the greeting`);
    }
    switch (line.type) {
      case "greeting":
        return this.#greeted(connection, line);
      case "ping":
        return this.#say(connection, pingText("pong", line.number));
      case "pong":
        return;
      case "bye":
        return this.#ending.begin(connection, line.reason);
      default:
        assertNever(line, "peer's line");
    }
  }

  #greeted(connection: PeerConnection, line: Extract<PeerLine, { type: "greeting" }>): void {
    const judged = judgeGreeting(line, this.#at, connection.dialled);
    if (!judged.ok) return this.#refuse(connection, judged.fault, judged.message);
    const peer = judged.value;
    connection.peer = peer;
    connection.deadline = Infinity;
    if (connection.dialled === null) {
      this.#say(connection, greetingText(this.#at.self, this.#at.policy));
      this.#dials.tell({ type: "incoming", peer, conn: connection.id });
    } else this.#dials.tell({ type: "stage", peer, dial: connection.dial, stage: "claiming" });
    this.#claim(connection, peer);
  }

  #claim(connection: PeerConnection, peer: DeviceId): void {
    const { board, claims, clock } = this.#at;
    const { id: conn, socket: { peer: { address, port } }, dialled } = connection;
    if (board.gate() === Gate.failing) return this.#refused(connection, "store_failing");
    const sent = send(claims, {
      type: "claim",
      conn,
      device: peer,
      deviceClass: PEER_CLASS,
      transport: PEER,
      address,
      port,
      clientInstance: "",
      at: clock.wall(),
      dialled: dialled !== null,
    }, this.#ending.reserve);
    if (!sent) return this.#refused(connection, "store_busy");
    connection.claimed = true;
    connection.stage = PeerStage.claiming;
  }

  #decided(connection: PeerConnection, message: MessageOf<"decided">): void {
    if (connection.stage !== PeerStage.claiming) return;
    const decision = DECISIONS[message.decision]!;
    switch (decision) {
      case "admit":
        connection.fence = message.fence;
        connection.stage = PeerStage.open;
        connection.pingAt = this.#at.clock.mono() + this.#at.limits.pingMs;
        return this.#dials.tell({ type: "registered", peer: connection.peer!, conn: connection.id, dial: connection.dial });
      case "pending":
        return;
      case "refuse":
        // The registry has forgotten it: no close is owed.
        connection.claimed = false;
        return this.#refused(connection, REFUSALS[message.refusal] as Exclude<Refusal, "none">);
      default:
        assertNever(decision, "decision");
    }
  }

  /** The registry wants to know whether the peer answers: any bytes by the deadline will do, and a ping asks for some. */
  #probe(connection: PeerConnection, { fence, deadlineMs }: MessageOf<"probe">): void {
    if (connection.stage !== PeerStage.open || connection.fence !== fence) return;
    const startedAt = this.#at.clock.mono();
    connection.probe = { startedAt, deadline: startedAt + deadlineMs };
    this.#ping(connection, startedAt);
  }

  #ping(connection: PeerConnection, now: number): void {
    connection.pingAt = now + this.#at.limits.pingMs;
    this.#say(connection, pingText("ping", ++connection.pings));
  }

  #look(connection: PeerConnection, now: number): void {
    const { stage, probe, peer } = connection;
    if (stage === PeerStage.ending) {
      if (now >= connection.deadline) this.#ending.force(connection);
    } else if (now >= connection.deadline) {
      this.#refuse(connection, "late", `Cannot greet peer: no greeting within ${this.#at.limits.greetingMs} ms`);
    } else if (peer !== null && now - connection.heardAt >= this.#at.limits.peerDeadMs) this.#ending.begin(connection, "lost");
    else {
      if (probe !== null && now >= probe.deadline) this.#ending.probed(connection, false);
      if (now >= connection.pingAt) this.#ping(connection, now);
    }
  }

  /** The peer, or what it said, is not for us. */
  #refuse(connection: PeerConnection, code: GreetingFault, message: string): void {
    this.#turnAway(connection, code, message, code === "equal_identities" || code === "policy" ? "rejected" : "auth");
  }

  /** The registry refused it, or could not be asked. */
  #refused(connection: PeerConnection, refusal: Exclude<Refusal, "none">): void {
    const reason = refusal === "draining" ? "shutdown" : refusal.startsWith("store_") ? "store_busy" : "rejected";
    this.#turnAway(connection, refusal, `Cannot admit peer: ${refusal}`, reason);
  }

  #turnAway(connection: PeerConnection, cause: PeerRefusal, message: string, reason: (typeof END_REASONS)[number]): void {
    const { address, port } = connection.socket.peer;
    const who = connection.peer === null ? {} : { peer: connection.peer };
    this.#at.tally.refused(cause);
    // Losing to the other connection is how two that dial each other end up with one.
    if (cause !== "held") this.#at.warn({ code: cause, address, port, ...who }, message);
    this.#ending.begin(connection, reason, refusedText(cause, message));
  }

  #wasRefused(connection: PeerConnection, { code, reason }: Extract<PeerLine, { type: "refused" }>): void {
    const { address, port } = connection.socket.peer;
    const peer = connection.peer ?? connection.dialled ?? "";
    if (code !== "held") this.#at.warn({ code: "refused_by_peer", address, port, peer }, `Peer refused us: ${code}: ${reason}`);
    this.#ending.begin(connection, "rejected");
  }
}
