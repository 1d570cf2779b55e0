/**
 * The data field of codec 12, 13, 14 and 15: commands, responses and serial text. Pure; cold path, for people and for the
 * command life. The gateway keeps these frames raw and never answers them.
 *
 *   codec u8 | quantity u8 | message … | quantity u8
 *   message: type u8 | size u32 | payload        13: time u32 first   14: IMEI first   15: time, IMEI first
 *
 * Stated sizes and quantities lie in the wild (a quantity of 2 with one message; a codec 13 size without its time), so a
 * message's bounds come from the frame unless the sizes add up exactly. The second quantity is not looked at.
 */
import { toHex, u32 } from "../../base/bytes.ts";
import type { DecodeFault } from "../decode_fault.ts";
import { CODEC_13, CODEC_14, CODEC_15 } from "./codec_id.ts";

export interface CommandMessage {
  /** 5 command, 6 response, 17 refusal (codec 14: another IMEI); others as received. */
  readonly type: number;
  /** The payload as text, or null when it is not UTF-8. */
  readonly text: string | null;
  readonly hex: string;
  /** Codec 14 and 15. */
  readonly imei: string | null;
  /** Codec 13 and 15: ms since 1970, from the seconds of the wire. */
  readonly time: number | null;
}

const MESSAGE_HEADER = 5;
const IMEI_BYTES = 8;
const TIME_BYTES = 4;

const hasTime = (codec: number): boolean => codec === CODEC_13 || codec === CODEC_15;
const hasImei = (codec: number): boolean => codec === CODEC_14 || codec === CODEC_15;

/** Messages of the data field bytes[start .. start + length); offsets of faults are indexes into `bytes`. */
export function decodeMessages(bytes: Uint8Array, start: number, length: number): readonly CommandMessage[] | DecodeFault {
  const codec = bytes[start]!;
  const first = start + 2;
  const end = start + length - 1;
  if (end - first < MESSAGE_HEADER) {
    return { error: `Cannot parse message: ${end - first} bytes have no type and size`, fault: "truncated_inside", offset: first };
  }
  const starts = chained(bytes, first, end, bytes[start + 1]!) ?? [first];
  const messages: CommandMessage[] = [];
  for (let i = 0; i < starts.length; i++) {
    const message = decodeMessage(codec, bytes, starts[i]!, starts[i + 1] ?? end);
    if ("fault" in message) return message;
    messages.push(message);
  }
  return messages;
}

/** Where each of `quantity` messages starts, when their sizes fill the frame exactly. */
function chained(bytes: Uint8Array, first: number, end: number, quantity: number): number[] | null {
  const starts: number[] = [];
  let at = first;
  for (let i = 0; i < quantity; i++) {
    if (end - at < MESSAGE_HEADER) return null;
    starts.push(at);
    at += MESSAGE_HEADER + u32(bytes, at + 1);
  }
  return at === end && quantity > 0 ? starts : null;
}

function decodeMessage(codec: number, bytes: Uint8Array, at: number, end: number): CommandMessage | DecodeFault {
  const fixed = (hasTime(codec) ? TIME_BYTES : 0) + (hasImei(codec) ? IMEI_BYTES : 0);
  const size = u32(bytes, at + 1);
  let p = at + MESSAGE_HEADER;
  // One kind of firmware leaves the time out of a codec 13 size: then the frame says that it is there.
  const timeNotCounted = codec === CODEC_13 && size + TIME_BYTES === end - p;
  if (end - p < fixed || (size < fixed && !timeNotCounted)) {
    return { error: `Cannot parse message: size ${size} is below ${fixed} of codec ${codec}`, fault: "truncated_inside", offset: at + 1 };
  }
  let time: number | null = null;
  if (hasTime(codec)) {
    time = u32(bytes, p) * 1000;
    p += TIME_BYTES;
  }
  let imei: string | null = null;
  if (hasImei(codec)) {
    const digits = toHex(bytes, p, p + IMEI_BYTES);
    imei = digits.startsWith("0") ? digits.slice(1) : digits;
    p += IMEI_BYTES;
  }
  return { type: bytes[at]!, text: textOf(bytes, p, end), hex: toHex(bytes, p, end), imei, time };
}

/** A response as people read it: its text, or its bytes in hex. */
export function responseText(payload: Uint8Array): string {
  return textOf(payload, 0, payload.length) ?? `hex:${toHex(payload)}`;
}

const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const toUtf8 = new TextEncoder();
/** What the decoder puts for bytes that are no text, and what a device may have sent. */
const REPLACEMENT = "\ufffd";

function textOf(bytes: Uint8Array, start: number, end: number): string | null {
  const text = fromUtf8.decode(bytes.slice(start, end));
  return text.includes(REPLACEMENT) && toHex(toUtf8.encode(text)) !== toHex(bytes, start, end) ? null : text;
}
