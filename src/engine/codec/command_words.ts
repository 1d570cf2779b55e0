/**
 * What a thread that holds connections says to the registry about commands: of each it was handed whether it was written, once, and what
 * its device answers. What finds no room in the ring waits, and answers wait behind it. Owned by the thread of the connections.
 */
import { Deque } from "../../base/deque.ts";
import type { Limits } from "../../base/limits.ts";
import type { RingProducer } from "../../ring/spsc.ts";
import { MessageType } from "../../wire/command.ts";
import { type MessageOf, send } from "../../wire/control.ts";
import { answerIn, type Outstanding } from "./outstanding.ts";

/** What becomes of a command frame a device sent. `kept`: it is to be kept as it came. */
export type Response = "answer" | "kept" | "wait";

/** Who had the command. */
interface Asked {
  readonly device: string;
  readonly fence: number;
  command: Outstanding | null;
}

/** Hex takes two bytes for one, and a message of a ring is never filled to its end by it. */
const RESPONSE_SHARE = 8;

export class CommandWords {
  readonly #claims: RingProducer;
  readonly #mostBytes: number;
  readonly #reserve: () => number;
  /** What the registry has not been told for want of room. */
  readonly #unsaid = new Deque<MessageOf<"commandDone">>();

  /** `reserve`: bytes of the ring that are not for commands. */
  constructor(claims: RingProducer, { commandResponseBytes }: Pick<Limits, "commandResponseBytes">, reserve: () => number) {
    this.#claims = claims;
    this.#mostBytes = Math.min(commandResponseBytes, Math.floor(claims.maxPayload / RESPONSE_SHARE));
    this.#reserve = reserve;
  }

  get areWaiting(): boolean {
    return this.#unsaid.length > 0;
  }

  /** Not written: no byte has left, and none will. */
  say(no: number, written: boolean): void {
    this.#unsaid.push({ type: "commandDone", no, written });
    this.tell();
  }

  tell(): void {
    for (let first = this.#unsaid.at(0); first !== undefined; first = this.#unsaid.at(0)) {
      if (!send(this.#claims, first, this.#reserve())) return;
      this.#unsaid.shift();
    }
  }

  /**
   * A frame of codec 12 to 15 came from `asked`. `wait`: it cannot be told now. `inName`: a response of codec 14 has to name the device; a
   * refusal may name the one it is.
   */
  answer(asked: Asked, bytes: Uint8Array, start: number, length: number, inName = false): Response {
    const { command, device, fence } = asked;
    const found = answerIn(command, bytes, start, length);
    if (command === null || found === null) return "kept";
    const { type, imei } = found.message;
    if (inName && type === MessageType.response && imei !== null && imei !== device) return "kept";
    this.tell();
    if (this.areWaiting) return "wait";
    const { message: { hex: all }, isAlone } = found;
    const isWhole = all.length <= 2 * this.#mostBytes;
    const hex = isWhole ? all : "";
    const { no, codec } = command;
    if (!send(this.#claims, { type: "commandAnswer", device, fence, no, codec, messageType: type, isWhole, hex }, this.#reserve())) {
      return "wait";
    }
    asked.command = null;
    return isWhole && isAlone ? "answer" : "kept";
  }
}
