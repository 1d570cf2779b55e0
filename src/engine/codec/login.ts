/** Logins: the claim to the registry, its decision, and what a device is told. Owned by the codec worker. */
import { assertNever } from "../../base/assert.ts";
import { Next } from "../../codec/framer.ts";
import { Gate } from "../../wire/board.ts";
import { DECISIONS, END_REASONS, type MessageOf, receive, type Refusal, REFUSALS, send, TRANSPORTS } from "../../wire/control.ts";
import type { CodecCommands } from "./commands.ts";
import type { CodecContext } from "./context.ts";
import { type Connection, Stage } from "./connection.ts";
import { closeBytes, type CodecEnding } from "./ending.ts";
import type { CodecProbes } from "./probe.ts";

const TCP = TRANSPORTS.indexOf("tcp");
const ACCEPTED = 1;
const REJECTED = 0;

export class CodecLogin {
  readonly #at: CodecContext;
  readonly #ending: CodecEnding;
  readonly #probes: CodecProbes;
  readonly #commands: CodecCommands;

  constructor(context: CodecContext, ending: CodecEnding, probes: CodecProbes, commands: CodecCommands) {
    this.#at = context;
    this.#ending = ending;
    this.#probes = probes;
    this.#commands = commands;
  }

  /** Bytes of claims ring that are not for evidence. */
  get claimsReserve(): number {
    return this.#ending.reserve;
  }

  /** The device has said who it is. It hears nothing, and nothing behind it is read, before the registry has decided. */
  claim(connection: Connection, imei: string, at: number): Next {
    if (this.#at.board.gate() === Gate.failing) return this.#turnAway(connection, "store_failing");
    connection.device = imei;
    const { address, port } = connection.socket.peer;
    const keepFree = this.#ending.reserve + closeBytes(imei);
    const asked = send(
      this.#at.claims,
      {
        type: "claim",
        conn: connection.id,
        device: imei,
        deviceClass: "",
        transport: TCP,
        address,
        port,
        clientInstance: "",
        tls: connection.socket.tls ?? "",
        at,
        dialled: false,
      },
      keepFree,
    );
    if (!asked) {
      this.#at.tally.claimsFull();
      return this.#turnAway(connection, "store_busy");
    }
    connection.stage = Stage.claiming;
    this.#ending.claimed(connection);
    return Next.pause;
  }

  /** A login that did not come to a claim, or was refused: counted, and for the device's own fault held against its address. */
  failed(connection: Connection, refusal: Exclude<Refusal, "none">): void {
    this.#at.tally.login(refusal);
    if (isOwnFault(refusal)) this.#at.addresses.loginFailed(connection.socket.peer.address, this.#at.clock.wall());
  }

  /** Takes what the registry says. `opened` is called for each connection that may go on. */
  takeDecisions(opened: (connection: Connection) => void): void {
    const { decisions, table } = this.#at;
    while (decisions.next()) {
      const message = receive(decisions);
      if (message.type === "command") {
        this.#commands.begin(message);
        continue;
      }
      if (message.type === "probe") {
        this.#probes.begin(message);
        continue;
      }
      if (message.type !== "decided" && message.type !== "evict") throw new Error(`unexpected ${message.type} in a decisions ring`);
      const connection = table.get(message.conn);
      // It has ended meanwhile, and the registry has been told.
      if (connection === null || connection.stage === Stage.ending) continue;
      if (message.type === "evict") this.#evict(connection, message.reason);
      else this.#decided(connection, message, opened);
    }
    decisions.release();
  }

  #decided(connection: Connection, message: MessageOf<"decided">, opened: (connection: Connection) => void): void {
    if (connection.stage !== Stage.claiming) return;
    const now = this.#at.clock.mono();
    const decision = DECISIONS[message.decision]!;
    switch (decision) {
      case "admit":
        connection.fence = message.fence;
        connection.stage = Stage.open;
        connection.quietUntil = now + this.#at.limits.commandLoginMs;
        this.#at.addresses.leave(connection.socket.peer.address);
        this.#at.tally.login("accepted");
        connection.out.byte(ACCEPTED);
        this.#at.wheel.arm(connection.slot, now + this.#at.limits.idleTimeoutMs);
        return opened(connection);
      case "pending":
        return this.#at.wheel.arm(connection.slot, now + message.retryAfterMs + this.#at.limits.loginTimeoutMs);
      case "refuse":
        return this.#refused(connection, REFUSALS[message.refusal] as Exclude<Refusal, "none">);
      default:
        assertNever(decision, "decision");
    }
  }

  #refused(connection: Connection, refusal: Exclude<Refusal, "none">): void {
    this.#ending.unclaimed(connection);
    this.failed(connection, refusal);
    const rejected = refusal === "held" || refusal === "equal_identities" ? "rejected" : refusal === "conflict" ? "conflict" : null;
    const told = isOwnFault(refusal) || rejected !== null;
    this.#at.warnings.about(refusal, connection, `Cannot admit device: ${refusal}; ${told ? "answered 00" : "closed unanswered"}`);
    if (!told) return this.#ending.begin(connection, refusal === "draining" ? "shutdown" : "store_busy");
    connection.out.byte(REJECTED);
    connection.out.flush(connection.socket);
    this.#ending.begin(connection, rejected ?? "auth");
  }

  /** Closed unanswered: the device keeps its records and goes to its backup server. */
  #turnAway(connection: Connection, refusal: "store_failing" | "store_busy"): Next {
    this.failed(connection, refusal);
    this.#at.warnings.about(refusal, connection, `Cannot admit device: ${refusal}; closed unanswered`);
    connection.wantsEnd = "store_busy";
    return Next.stop;
  }

  #evict(connection: Connection, reason: number): void {
    this.#ending.evict(connection, END_REASONS[reason]!);
  }
}

const isOwnFault = (refusal: Refusal): boolean => refusal === "unknown_device" || refusal === "device_limit" || refusal === "bad_login";
