/** What is said to a peer and what its lines mean, greeting and refusal included. Owned by the peer thread. */
import { assertNever } from "../../base/assert.ts";
import type { DeviceId } from "../../base/brand.ts";
import type { EndReason, Refusal } from "../../wire/control.ts";
import type { FramingFault } from "../../wire/peer_framing.ts";
import { type GreetingFault, greetingText, parsePeerLine, type PeerLine, pingText, refusedText } from "../../wire/peer_line.ts";
import { type PeerConnection, PeerStage } from "./connection.ts";
import type { PeerContext, PeerRefusal } from "./context.ts";
import type { PeerEnding } from "./ending.ts";
import { judgeGreeting } from "./greeting.ts";

export class PeerTalk {
  readonly #at: PeerContext;
  readonly #ending: PeerEnding;
  readonly #greeted: (connection: PeerConnection, peer: DeviceId) => void;

  /** `greeted`: the peer is one we want, and has been greeted back. */
  constructor(context: PeerContext, ending: PeerEnding, greeted: (connection: PeerConnection, peer: DeviceId) => void) {
    this.#at = context;
    this.#ending = ending;
    this.#greeted = greeted;
  }

  write(connection: PeerConnection, bytes: Uint8Array): void {
    if (!connection.write(bytes)) this.#ending.begin(connection, "slow");
  }
  #say(connection: PeerConnection, line: string): void {
    this.write(connection, connection.framing.encode(line));
  }

  greet(connection: PeerConnection): void {
    this.#say(connection, greetingText(this.#at.self, this.#at.policy));
  }

  ping(connection: PeerConnection): void {
    connection.pingAt = this.#at.clock.mono() + this.#at.limits.pingMs;
    this.#say(connection, pingText("ping", ++connection.pings));
  }

  /** A line of the peer. False when nothing behind it is to be read. */
  line(connection: PeerConnection, text: string): boolean {
    const parsed = parsePeerLine(text);
    if (parsed.ok) this.#read(connection, parsed.value);
    else this.#refuse(connection, parsed.fault, parsed.message);
    return connection.stage !== PeerStage.ending;
  }

  /** Its bytes are no lines. */
  unreadable(connection: PeerConnection, fault: FramingFault): void {
    this.#refuse(connection, fault, `Cannot read peer's line: ${fault === "too_long" ? "too long" : "no such frame"}`);
  }

  /** It has not greeted in time. */
  late(connection: PeerConnection): void {
    this.#refuse(connection, "late", `Cannot greet peer: no greeting within ${this.#at.limits.greetingMs} ms`);
  }

  /** The registry refused it, or could not be asked. */
  refused(connection: PeerConnection, refusal: Exclude<Refusal, "none">): void {
    const reason = refusal === "draining" ? "shutdown" : refusal.startsWith("store_") ? "store_busy" : "rejected";
    this.#turnAway(connection, refusal, `Cannot admit peer: ${refusal}`, reason);
  }

  #read(connection: PeerConnection, line: PeerLine): void {
    if (line.type === "refused") return this.#wasRefused(connection, line);
    const greeting = connection.stage === PeerStage.greeting;
    if (greeting !== (line.type === "greeting")) {
      return this.#refuse(connection, "bad_line", `Cannot greet peer: ${line.type} ${greeting ? "before" : "after"} the greeting`);
    }
    switch (line.type) {
      case "greeting":
        return this.#judge(connection, line);
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

  #judge(connection: PeerConnection, line: Extract<PeerLine, { type: "greeting" }>): void {
    const judged = judgeGreeting(line, this.#at, connection.dialled);
    if (!judged.ok) return this.#refuse(connection, judged.fault, judged.message);
    connection.peer = judged.value;
    connection.deadline = Infinity;
    if (connection.dialled === null) this.greet(connection);
    if (connection.stage === PeerStage.greeting) this.#greeted(connection, judged.value);
  }

  /** The peer, or what it said, is not for us. */
  #refuse(connection: PeerConnection, code: GreetingFault, message: string): void {
    this.#turnAway(connection, code, message, code === "equal_identities" || code === "policy" ? "rejected" : "auth");
  }

  #turnAway(connection: PeerConnection, cause: PeerRefusal, message: string, reason: EndReason): void {
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
