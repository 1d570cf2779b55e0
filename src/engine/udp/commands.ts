/**
 * Commands to devices that send datagrams, and their answers. A command goes to where its device was heard last, as long as a NAT on the
 * way still knows that place; else it waits for the next datagram. Only who owns the device gets one: nobody is sure who sends a
 * datagram, so a session's commands never go here. A command that is lost on its way has no answer, and is not sent again. Of
 * every one the registry hears once whether it was sent. Owned by the udp thread.
 */
import { broken } from "../../base/assert.ts";
import { encodeCommand } from "../../codec/encode.ts";
import type { Peer, UdpSocket } from "../../platform/port.ts";
import type { MessageOf } from "../../wire/control.ts";
import { CommandWords, type Response } from "../codec/command_words.ts";
import type { UdpContext } from "./context.ts";
import { type Sender, SenderStage } from "./sender.ts";

const placeOf = ({ address, port }: Peer): string => `${address} ${port}`;

export class UdpCommands {
  readonly #at: UdpContext;
  readonly #socket: () => UdpSocket | null;
  readonly #words: CommandWords;
  /** Senders whose command is not sent yet. The registry bounds how many. */
  #waiting: Sender[] = [];
  /** Who was sent a command, by where it was sent to: one, unless somebody sends for several devices. */
  readonly #asked = new Map<string, Set<Sender>>();
  #stopped = false;

  constructor(context: UdpContext, claims: { readonly reserve: number }, socket: () => UdpSocket | null) {
    this.#at = context;
    this.#socket = socket;
    this.#words = new CommandWords(context.claims, context.limits, () => claims.reserve);
  }

  /** The registry's word. It goes with the fence of the sender it is for, and with no other. */
  begin(sender: Sender | null, { fence, no, codec, text, expiresInMs }: MessageOf<"command">): void {
    const since = this.#at.clock.mono();
    if (sender === null || !sender.claimed || sender.stage !== SenderStage.open || sender.fence !== fence || this.#stopped) {
      return this.#words.say(no, false);
    }
    if (sender.command?.isWritten === false) broken(`sender ${sender.id} was given command ${no} before it was done with another`);
    const frame = encodeCommand(codec, text, sender.device);
    sender.command = { no, codec, frame, since, deadline: since + expiresInMs, isWritten: false };
    this.#write(sender, since);
    if (!sender.command.isWritten) this.#waiting.push(sender);
  }

  /** Gives up what cannot be sent any more, and tries the others. */
  look(now: number): void {
    this.#words.tell();
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const sender of waiting) {
      this.#write(sender, now);
      const { command } = sender;
      if (command === null || command.isWritten) continue;
      if (now < command.deadline && !this.#stopped) this.#waiting.push(sender);
      else this.#giveUp(sender);
    }
  }

  /** The gateway stops: what is not sent is not sent by this process. */
  stop(now: number): void {
    this.#stopped = true;
    this.look(now);
  }

  /** Before the registry hears of the sender's end. */
  leave(sender: Sender): void {
    if (sender.command?.isWritten === false) this.#giveUp(sender);
    sender.command = null;
    this.#forget(sender);
  }

  /** The one that was sent a command to this place and has not answered it, or null. */
  askedAt(from: Peer): Sender | null {
    const [only, ...others] = this.#asked.get(placeOf(from)) ?? [];
    return only === undefined || others.length > 0 ? null : only;
  }

  /** A message of codec 12 to 15 came from who owns the device. */
  response(sender: Sender, bytes: Uint8Array, start: number, length: number): Response {
    const response = this.#words.answer(sender, bytes, start, length, true);
    if (sender.command === null) this.#forget(sender);
    return response;
  }

  #write(sender: Sender, now: number): void {
    const { limits } = this.#at;
    const { command, from, heardAt, backAt } = sender;
    const socket = this.#socket();
    if (socket === null || command === null || command.isWritten || now >= command.deadline || now - heardAt > limits.udpReachMs) return;
    // As over TCP the device is answered first; for one that never pauses it is not waited long, as datagrams do not mix.
    const waitedMs = now - Math.max(command.since, backAt);
    if (sender.inFlight + sender.held.length > 0 && waitedMs < limits.commandPatienceMs) return;
    command.isWritten = true;
    this.#forget(sender);
    sender.asked = placeOf(from);
    const there = this.#asked.get(sender.asked);
    if (there === undefined) this.#asked.set(sender.asked, new Set([sender]));
    else there.add(sender);
    socket.send(command.frame, from);
    this.#words.say(command.no, true);
  }

  #giveUp(sender: Sender): void {
    const { command } = sender;
    sender.command = null;
    if (command !== null) this.#words.say(command.no, false);
  }

  #forget(sender: Sender): void {
    const there = this.#asked.get(sender.asked);
    if (there?.delete(sender) === true && there.size === 0) this.#asked.delete(sender.asked);
    sender.asked = "";
  }
}
