/**
 * How a simulated tracker obeys: an answer to each command, and the parameters it was set to; and its ear, which takes what a server
 * sends over TCP apart into acknowledgements and commands. Pure; one each per tracker.
 */
import { u32 } from "../base/bytes.ts";
import { crc16 } from "../base/crc16.ts";
import { encodeFrame, encodeMessage } from "../codec/encode.ts";
import { decodeMessages } from "../codec/teltonika/command.ts";
import { CODEC_12, CODEC_14 } from "../codec/teltonika/codec_id.ts";
import { MessageType } from "../wire/command.ts";

const ACK_BYTES = 4;
const HEADER = 8;
const OVERHEAD = 12;
const MOST_BYTES = 4096;
const MOST_PARAMETERS = 1024;

/** What came. `odd`: neither an acknowledgement nor a frame: nothing after it can be understood. */
export type Heard = { readonly kind: "ack"; readonly count: number } | { readonly kind: "command"; readonly answer: Uint8Array | null } | {
  readonly kind: "odd";
};

export class Obedience {
  readonly #imei: string;
  /** As they were set; they outlive a connection. */
  readonly #parameters = new Map<string, string>();

  constructor(imei: string) {
    this.#imei = imei;
  }

  /** The data field that answers the one in bytes[start .. start + length); null to what is no command. Codec 14 for another IMEI is refused. */
  answer(bytes: Uint8Array, start: number, length: number): Uint8Array | null {
    const codec = bytes[start];
    const messages = decodeMessages(bytes, start, length);
    if ("fault" in messages) return null;
    const [first] = messages;
    if (first === undefined || first.type !== MessageType.command) return null;
    const isMine = codec !== CODEC_14 || first.imei === this.#imei;
    const payload = new TextEncoder().encode(isMine ? answerTo(first.text ?? "", this.#parameters) : "");
    if (codec === CODEC_12) return encodeMessage("12", { type: MessageType.response, payload });
    if (codec !== CODEC_14) return null;
    return encodeMessage("14", { type: isMine ? MessageType.response : MessageType.nack, payload, imei: this.#imei });
  }
}

export class Ear {
  readonly #obedience: Obedience;
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #length = 0;

  constructor(imei: string) {
    this.#obedience = new Obedience(imei);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Null: an item is not whole yet. */
  byte(value: number): Heard | null {
    const bytes = this.#bytes;
    bytes[this.#length++] = value;
    if (this.#length < ACK_BYTES) return null;
    const count = u32(bytes, 0);
    if (count !== 0) return this.#done({ kind: "ack", count });
    if (this.#length < HEADER) return null;
    const length = u32(bytes, ACK_BYTES);
    if (length > MOST_BYTES - OVERHEAD || length < 3) return this.#done({ kind: "odd" });
    if (this.#length < length + OVERHEAD) return null;
    if (crc16(bytes, HEADER, HEADER + length) !== u32(bytes, HEADER + length)) return this.#done({ kind: "odd" });
    return this.#done({ kind: "command", answer: this.#answer(length) });
  }

  #done(heard: Heard): Heard {
    this.#length = 0;
    return heard;
  }

  #answer(length: number): Uint8Array | null {
    const data = this.#obedience.answer(this.#bytes, HEADER, length);
    return data === null ? null : encodeFrame(data);
  }
}

/** As trackers answer the usual ones; what they do not know they say so. */
function answerTo(text: string, parameters: Map<string, string>): string {
  const [name = "", rest = ""] = text.trim().split(/ (.*)/s);
  switch (name) {
    case "getinfo":
      return "RTC:2026/01/01 00:00 Init:2026/01/01 00:00 UpTime:86400s PWR:PwrVoltage RST:0 GPS:3 SAT:11 TTFF:21 SR:0 FIX:1 SMS:0 REC:0 MD:1 DB:0";
    case "getver":
      return "Ver:03.28.07_00 GPS:AXN_5.1 Hw:FMB920 Mod:1 Init:2026-01-01 00:00 Uptime:86400";
    case "getparam":
      return `Param ID:${rest} Val:${parameters.get(rest) ?? "0"}`;
    case "setparam":
      set(rest, parameters);
      return `New value ${rest}`;
    case "setdigout":
      return `DOUTs are set to:${rest}`;
    default:
      return `Unknown command or invalid format: ${name}`;
  }
}

function set(pairs: string, parameters: Map<string, string>): void {
  for (const pair of pairs.split(";")) {
    const at = pair.indexOf(":");
    if (at > 0 && parameters.size < MOST_PARAMETERS) parameters.set(pair.slice(0, at), pair.slice(at + 1));
  }
}
