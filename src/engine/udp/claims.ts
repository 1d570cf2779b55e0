/** A sender's claim to the registry, what is decided, and its end. Owned by the udp thread. */
import { assert, assertNever } from "../../base/assert.ts";
import { messageBytes } from "../../ring/layout.ts";
import { Gate } from "../../wire/board.ts";
import {
  DECISIONS,
  END_REASONS,
  type EndReason,
  type MessageOf,
  MESSAGES,
  receive,
  type Refusal,
  REFUSALS,
  send,
  TRANSPORTS,
} from "../../wire/control.ts";
import { IMEI_DIGITS } from "../../codec/framer.ts";
import type { UdpContext } from "./context.ts";
import { type Sender, SenderStage } from "./sender.ts";

const UDP = TRANSPORTS.indexOf("udp");
const bytesOf = (type: "close" | "probed"): number => messageBytes(MESSAGES[type].sizeWith(IMEI_DIGITS));
/** What the registry may still have to hear of a sender it knows: there is always room for it. */
const OWED_BYTES = bytesOf("close") + bytesOf("probed");

/** What becomes of a sender, of the packets it holds, and of commands. */
export interface Decided {
  admitted(sender: Sender): void;
  refused(sender: Sender): void;
  /** `sender`: null when it has gone. */
  command(sender: Sender | null, command: MessageOf<"command">): void;
  /** Before the registry hears of its end. */
  leaves(sender: Sender): void;
}

export class UdpClaims {
  readonly #at: UdpContext;
  readonly #decided: Decided;
  /** Senders the registry knows. */
  #claimed = 0;

  constructor(context: UdpContext, decided: Decided) {
    this.#at = context;
    this.#decided = decided;
  }

  /** Bytes of the claims ring that are kept for the ends of the senders there are. */
  get reserve(): number {
    return (this.#claimed + 1) * OWED_BYTES;
  }

  /** Asks the registry. False when it cannot be asked now. */
  claim(sender: Sender, port: number): boolean {
    const { board, claims, clock, tally } = this.#at;
    if (board.gate() === Gate.failing) {
      tally.login("store_failing");
      return false;
    }
    const { id: conn, device, address } = sender;
    const at = clock.wall();
    const what = { deviceClass: "", transport: UDP, clientInstance: "", tls: "", dialled: false };
    if (!send(claims, { type: "claim", conn, device, address, port, at, ...what }, this.reserve + OWED_BYTES)) {
      tally.claimsFull();
      tally.login("store_busy");
      return false;
    }
    this.#know(sender);
    sender.stage = SenderStage.asking;
    return true;
  }

  /** Takes what the registry says. */
  take(): void {
    const { decisions, table } = this.#at;
    while (decisions.next()) {
      const message = receive(decisions);
      const { type } = message;
      if (type === "command") {
        this.#decided.command(table.get(message.conn), message);
        continue;
      }
      if (type !== "decided" && type !== "alongside" && type !== "evict" && type !== "probe") {
        throw new Error(`unexpected ${type} in a decisions ring`);
      }
      const sender = table.get(message.conn);
      // It has gone meanwhile, or is about to, and the registry has been told.
      if (sender === null || !sender.claimed) continue;
      if (type === "decided") this.#take(sender, message.decision, message.refusal, message.fence);
      else if (type === "alongside") this.#beside(sender);
      else if (type === "evict") this.end(sender, END_REASONS[message.reason]!);
      // Nobody can be asked whether it is there.
      else this.#tell({ type: "probed", device: sender.device, fence: message.fence, answers: false });
    }
    decisions.release();
  }

  /** Lets go of a sender; the registry hears of it if it knows it. */
  end(sender: Sender, reason: EndReason): void {
    this.tellRegistry(sender, reason);
    this.#at.wheel.cancel(sender.slot);
    this.#at.table.remove(sender);
  }

  /** The first half of a shutdown's goodbye. */
  tellRegistry(sender: Sender, reason: EndReason): void {
    if (!sender.claimed) return;
    this.#decided.leaves(sender);
    this.#forget(sender);
    const { id: conn, device, fence, lastByteAt, inFlight } = sender;
    // Up to where the journal takes frames before it writes the end: see CodecEnding.
    const position = inFlight > 0 ? sender.position : this.#at.board.settled(this.#at.ring);
    this.#tell({ type: "close", conn, device, fence, position, reason: END_REASONS.indexOf(reason), lastByteAt });
  }

  #take(sender: Sender, decided: number, refusal: number, fence: number): void {
    const decision = DECISIONS[decided]!;
    switch (decision) {
      case "admit":
        sender.stage = SenderStage.open;
        sender.fence = fence;
        this.#at.tally.login("accepted");
        return this.#decided.admitted(sender);
      case "pending":
        return;
      case "refuse":
        return this.#refused(sender, REFUSALS[refusal] as Exclude<Refusal, "none">);
      default:
        assertNever(decision, "decision");
    }
  }

  #refused(sender: Sender, refusal: Exclude<Refusal, "none">): void {
    const { refusals, clock, tally, warn } = this.#at;
    this.#forget(sender);
    sender.stage = SenderStage.beside;
    tally.login(refusal);
    if (refusal === "unknown_device" || refusal === "device_limit") refusals.admits(sender.address, clock.mono());
    warn({ code: refusal, device: sender.device, address: sender.address }, `Cannot take datagram: ${refusal}; not answered`);
    this.#decided.refused(sender);
  }

  /** The registry has kept nothing of it: the next packet asks again. */
  #beside(sender: Sender): void {
    this.#forget(sender);
    sender.stage = SenderStage.beside;
    this.#decided.admitted(sender);
  }

  #know(sender: Sender): void {
    sender.claimed = true;
    this.#claimed++;
  }
  #forget(sender: Sender): void {
    sender.claimed = false;
    this.#claimed--;
  }

  #tell(message: Parameters<typeof send>[1]): void {
    assert(send(this.#at.claims, message), `no room was kept for ${message.type}`);
  }
}
