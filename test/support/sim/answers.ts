/** What a device reads from its connection: the answer to its login, acknowledgements, and commands, in whatever pieces. */
import { decodeMessages } from "../../../src/codec/teltonika/command.ts";
import { MessageType } from "../../../src/wire/command.ts";
import { hold } from "./violation.ts";

export interface Heard {
  login(accepted: boolean): void;
  acknowledged(count: number): void;
  command(text: string, codec: number): void;
}

const decoder = new TextDecoder();
const HEADER = 8;
const CRC = 4;

export class Answers {
  #loggedIn = false;
  /** What is not whole yet. */
  #bytes: number[] = [];

  /** An acknowledgement is never 0, so four zeros begin a frame. */
  take(bytes: Uint8Array, heard: Heard): void {
    for (const byte of bytes) {
      this.#bytes.push(byte);
      if (!this.#loggedIn) {
        this.#loggedIn = true;
        this.#bytes = [];
        heard.login(byte === 1);
      } else if (this.#bytes.length === 4 && this.#u32(0) > 0) {
        heard.acknowledged(this.#u32(0));
        this.#bytes = [];
      } else if (this.#bytes.length > HEADER && this.#bytes.length === HEADER + this.#u32(4) + CRC) {
        this.#command(heard);
        this.#bytes = [];
      }
    }
  }

  #u32(at: number): number {
    return this.#bytes.slice(at, at + 4).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  #command(heard: Heard): void {
    const data = Uint8Array.from(this.#bytes.slice(HEADER, -CRC));
    const messages = decodeMessages(data, 0, data.length);
    const first = "fault" in messages ? undefined : messages[0];
    hold(first?.type === MessageType.command, "commands", () => `what the device reads is no command: ${this.#bytes.join()}`);
    heard.command(decoder.decode(Uint8Array.fromHex(first.hex)), data[0]!);
  }
}
