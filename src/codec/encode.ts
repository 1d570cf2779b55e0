/**
 * The sending side: logins, records, frames, datagrams and command messages into bytes. Pure. For the simulator, for tests,
 * and for commands; the counterpart of the decoders beside it.
 */
import { assert } from "../base/assert.ts";
import { fromHex, putU16, putU32, putU64 } from "../base/bytes.ts";
import { crc16 } from "../base/crc16.ts";
import { FRAME_OVERHEAD, IMEI_DIGITS, LOGIN_BYTES } from "./framer.ts";
import type { AvlRecord } from "./record.ts";
import { MAX_RECORDS } from "./teltonika/avl.ts";
import { type AvlCodecName, CODEC_14, codecId } from "./teltonika/codec_id.ts";

/** The type byte of a message that is a command. */
const COMMAND = 0x05;

/** A growing run of bytes, big-endian. */
class Writer {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  #room(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return at;
  }
  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }
  u16(value: number): void {
    const at = this.#room(2);
    putU16(this.#bytes, at, value);
  }
  u32(value: number): void {
    const at = this.#room(4);
    putU32(this.#bytes, at, value);
  }
  u64(value: number): void {
    const at = this.#room(8);
    putU64(this.#bytes, at, value);
  }
  put(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }
  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** The block a tracker opens its connection with. */
export function encodeLogin(imei: string): Uint8Array<ArrayBuffer> {
  assert(imei.length === IMEI_DIGITS, `IMEI ${imei} has not ${IMEI_DIGITS} digits`);
  const bytes = new Uint8Array(LOGIN_BYTES);
  putU16(bytes, 0, IMEI_DIGITS);
  bytes.set(ascii(imei), 2);
  return bytes;
}

/** The data field of a frame: codec id .. second count. 1 to 255 records. */
export function encodeData(codec: AvlCodecName, records: readonly AvlRecord[]): Uint8Array<ArrayBuffer> {
  assert(records.length > 0 && records.length <= MAX_RECORDS, `a frame cannot have ${records.length} records`);
  const out = new Writer();
  out.u8(codecId(codec));
  out.u8(records.length);
  for (const record of records) encodeRecord(out, codec, record);
  out.u8(records.length);
  return out.done();
}

function encodeRecord(out: Writer, codec: AvlCodecName, record: AvlRecord): void {
  out.u64(record.time);
  out.u8(record.priority);
  out.u32(Math.round(record.lon * 1e7));
  out.u32(Math.round(record.lat * 1e7));
  out.u16(record.altitude);
  out.u16(record.angle);
  out.u8(record.satellites);
  out.u16(record.speed);
  const wideId = codec !== "8";
  const id = (value: number): void => wideId ? out.u16(value) : out.u8(value);
  const count = (value: number): void => codec === "8E" ? out.u16(value) : out.u8(value);
  id(record.eventId);
  if (codec === "16") out.u8(record.generationType ?? 0);
  const groups = groupByWidth(codec, record.io);
  count(groups.reduce((sum, group) => sum + group.length, 0));
  for (let i = 0; i < groups.length; i++) {
    count(groups[i]!.length);
    for (const [key, value] of groups[i]!) {
      id(key);
      if (i === FREE_WIDTH) out.u16(value.length);
      out.put(value);
    }
  }
}

const WIDTHS = [1, 2, 4, 8];
const FREE_WIDTH = WIDTHS.length;

/** Values of 1, 2, 4, 8 bytes, and for codec 8E a fifth group of all others. */
function groupByWidth(codec: AvlCodecName, io: Readonly<Record<string, string>>): [number, Uint8Array][][] {
  const groups: [number, Uint8Array][][] = codec === "8E" ? [[], [], [], [], []] : [[], [], [], []];
  for (const [key, hex] of Object.entries(io)) {
    const value = fromHex(hex);
    assert(typeof value !== "number", `IO value ${hex} is not hex`);
    const found = WIDTHS.indexOf(value.length);
    const group = groups[found < 0 ? FREE_WIDTH : found];
    assert(group !== undefined, `codec ${codec} has no values of ${value.length} bytes`);
    assert(codec !== "8" || Number(key) <= 0xff, `codec 8 has no IO id ${key}`);
    group.push([Number(key), value]);
  }
  return groups;
}

/** A data field into a whole TCP frame: preamble, length, data, CRC. */
export function encodeFrame(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + FRAME_OVERHEAD);
  putU32(bytes, 4, data.length);
  bytes.set(data, 8);
  putU32(bytes, 8 + data.length, crc16(data, 0, data.length));
  return bytes;
}

/** A data field into a UDP datagram of one packet. */
export function encodeDatagram(imei: string, packetId: number, avlPacketId: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const login = encodeLogin(imei);
  const out = new Writer();
  out.u16(4 + login.length + data.length);
  out.u16(packetId);
  out.u8(1);
  out.u8(avlPacketId);
  out.put(login);
  out.put(data);
  return out.done();
}

export interface MessageToEncode {
  readonly type: number;
  readonly payload: Uint8Array;
  /** Codec 14 and 15. */
  readonly imei?: string;
  /** Codec 13 and 15, seconds since 1970. */
  readonly timeS?: number;
}

/** A command as a whole TCP frame. Codec 14 names the device, which obeys when it has that IMEI. */
export function encodeCommand(codec: number, text: string, imei: string): Uint8Array<ArrayBuffer> {
  const payload = ascii(text);
  return encodeFrame(
    codec === CODEC_14 ? encodeMessage("14", { type: COMMAND, payload, imei }) : encodeMessage("12", { type: COMMAND, payload }),
  );
}

/** The data field of a command, response or serial message. */
export function encodeMessage(codec: "12" | "13" | "14" | "15", message: MessageToEncode): Uint8Array<ArrayBuffer> {
  const body = new Writer();
  if (codec === "13" || codec === "15") body.u32(message.timeS ?? 0);
  if (codec === "14" || codec === "15") {
    const imei = fromHex((message.imei ?? "").padStart(16, "0"));
    assert(typeof imei !== "number" && imei.length === 8, `IMEI ${message.imei} has not ${IMEI_DIGITS} digits`);
    body.put(imei);
  }
  body.put(message.payload);
  const out = new Writer();
  out.u8(codecId(codec));
  out.u8(1);
  out.u8(message.type);
  out.u32(body.length);
  out.put(body.done());
  out.u8(1);
  return out.done();
}
