/**
 * Commands on their way out and their answers on their way in. A command is written in one piece, behind every answer the
 * device is owed, at a moment when no frame of it waits for one: a command between a frame and its acknowledgement is read
 * as the acknowledgement. When such a moment does not come by itself, reading pauses until it does. Of every command the
 * registry hears once whether it was written. Owned by the codec worker.
 */
import { broken } from "../../base/assert.ts";
import { encodeCommand } from "../../codec/encode.ts";
import type { MessageOf } from "../../wire/control.ts";
import { CommandWords, type Response } from "./command_words.ts";
import type { CodecContext } from "./context.ts";
import { type Connection, Stage } from "./connection.ts";
import type { CodecEnding } from "./ending.ts";

export class CodecCommands {
  readonly #at: CodecContext;
  readonly #words: CommandWords;
  /** Connections whose command is not written yet. The registry bounds how many. */
  #waiting: Connection[] = [];
  #stopped = false;

  constructor(context: CodecContext, ending: CodecEnding) {
    this.#at = context;
    this.#words = new CommandWords(context.claims, context.limits, () => ending.reserve);
  }

  /** Look again soon. */
  get running(): boolean {
    return this.#waiting.length > 0 || this.#words.areWaiting;
  }

  /** The registry's word. It goes with the fence of the connection it is for, and with no other. */
  begin({ conn, fence, no, codec, text, expiresInMs }: MessageOf<"command">): void {
    const { table, clock } = this.#at;
    const connection = table.get(conn);
    const isHere = connection !== null && connection.stage === Stage.open && connection.fence === fence;
    if (!isHere || this.#stopped) return this.#words.say(no, false);
    const since = clock.mono();
    const frame = encodeCommand(codec, text, connection.device);
    if (connection.command?.isWritten === false) broken(`connection ${conn} was given command ${no} before it was done with another`);
    connection.command = { no, codec, frame, since, deadline: since + expiresInMs, isWritten: false };
    this.#waiting.push(connection);
    this.write(connection, since);
  }

  /** Reading shall pause at the end of a frame: the command has waited long enough for a quiet moment. */
  wantsQuiet({ command }: Connection, now: number): boolean {
    return command !== null && !command.isWritten && now - command.since >= this.#at.limits.commandPatienceMs;
  }

  /** Writes the command of a connection if this is a moment for it. */
  write(connection: Connection, now: number): void {
    const { command, framer, out } = connection;
    if (command === null || command.isWritten || connection.stage !== Stage.open || now >= command.deadline) return;
    if (connection.hasEnded || connection.unacked > 0 || out.length > 0 || now < connection.quietUntil) return;
    // A frame that has begun, or waits to be read, waits for its answer as well.
    if (framer.heldBytes > 0 && !(framer.paused && this.wantsQuiet(connection, now))) return;
    command.isWritten = true;
    out.put(command.frame);
    out.flush(connection.socket);
    this.#words.say(command.no, true);
  }

  /** Gives up what cannot be written any more, and tries the others. `goOn`: this connection may be read again. */
  look(now: number, goOn: (connection: Connection) => void): void {
    this.#words.tell();
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) {
      const { command } = connection;
      this.write(connection, now);
      if (command === null || command.isWritten) continue;
      if (connection.stage === Stage.open && now < command.deadline && !this.#stopped) this.#waiting.push(connection);
      else {
        connection.command = null;
        this.#words.say(command.no, false);
        goOn(connection);
      }
    }
  }

  /** The gateway stops: what is not written is not written by this process. */
  stop(now: number): void {
    this.#stopped = true;
    this.look(now, () => undefined);
  }

  /** A frame of codec 12 to 15 came. The next response is the answer: the protocol has no correlation id. */
  response(connection: Connection, bytes: Uint8Array, start: number, length: number): Response {
    return this.#words.answer(connection, bytes, start, length);
  }
}
