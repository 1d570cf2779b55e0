/**
 * Commands to devices on their own streams: offered one at a time, and taken by the client or not. Of every one the registry hears once
 * which of the two it was; the answer comes by a request of the device. Owned by an http thread.
 */
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { RingProducer } from "../../ring/spsc.ts";
import type { MessageOf } from "../../wire/control.ts";
import { CommandWords } from "../codec/command_words.ts";
import type { DeviceStream } from "./device_stream.ts";

export interface StreamCommandParts {
  readonly claims: RingProducer;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "commandResponseBytes">;
  /** Bytes of the claims ring that are not for commands. */
  readonly reserve: () => number;
}

export class StreamCommands {
  readonly #at: StreamCommandParts;
  readonly #words: CommandWords;
  #stopped = false;

  constructor(parts: StreamCommandParts) {
    this.#at = parts;
    this.#words = new CommandWords(parts.claims, parts.limits, parts.reserve);
  }

  /** The registry's word. It goes with the fence of the stream it is for, and with no other. Null: that has gone. */
  begin(stream: DeviceStream | null, { conn, fence, no, id, text, expiresInMs }: MessageOf<"command">): void {
    if (stream === null || stream.stage !== "open" || stream.fence !== fence || this.#stopped) return this.#say(no, false);
    assert(stream.command === null, `stream ${conn} was given command ${no} before it was done with another`);
    const now = this.#at.clock.mono();
    stream.offer({ no, id, text, deadline: now + expiresInMs }, now);
  }

  /** The client has it; what it does with it nobody sees. */
  readonly taken = (no: number): void => this.#say(no, true);

  /** What nobody has taken is not taken any more. */
  withdraw(stream: DeviceStream): void {
    const command = stream.withdraw();
    if (command !== null) this.#say(command.no, false);
  }

  /** Gives up what has been offered for too long. */
  look(stream: DeviceStream, now: number): void {
    if (stream.command !== null && now >= stream.command.deadline) this.withdraw(stream);
  }

  /** The gateway stops: what is not taken is not given to anybody by this process. Idempotent. */
  stop(streams: readonly (DeviceStream | null)[]): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const stream of streams) if (stream !== null) this.withdraw(stream);
  }

  tell(): void {
    this.#words.tell();
    this.#at.claims.publish();
  }

  #say(no: number, written: boolean): void {
    this.#words.say(no, written);
    this.#at.claims.publish();
  }
}
