/**
 * The UDP channel: packets of one datagram, and the answer to one. Pure. There is no CRC and no login; the IMEI rides along.
 *
 *   length u16 (what follows) | packet id u16 | type u8 | AVL packet id u8 | 000F | IMEI | data (codec .. second count)
 *   answer: 0005 | packet id u16 | 01 | AVL packet id u8 | records accepted from the first u8
 */
import { putU16, u16, u32 } from "../../base/bytes.ts";
import { crc16 } from "../../base/crc16.ts";
import type { DecodeFault } from "../decode_fault.ts";
import { FRAME_OVERHEAD, IMEI_DIGITS } from "../framer.ts";
import { type AvlColumns, Fault } from "./avl.ts";
import { CodecKind, codecKind } from "./codec_id.ts";

export interface UdpPacket {
  readonly packetId: number;
  readonly type: number;
  readonly avlPacketId: number;
  readonly imei: string;
  /** The data field is bytes[start .. start + length) of the datagram; the next packet follows it. */
  readonly start: number;
  readonly length: number;
}

const CHANNEL_HEADER = 6;
const DATA_OFFSET = CHANNEL_HEADER + 2 + IMEI_DIGITS;
const MIN_DATA = 3;
/** In a frame as TCP has it: after the preamble, and after the length. */
const LENGTH_OFFSET = 4;
export const FRAME_DATA = 8;
export const UDP_ANSWER_BYTES = 7;
const CHANNEL_ACK_BYTES = 5;
/** Types of a packet: old devices want the channel itself to acknowledge those of type 0, with one of type 2. */
const WANTS_CHANNEL_ACK = 0;
const IS_CHANNEL_ACK = 2;

/** The packet at bytes[at]. Offsets of faults are indexes into `bytes`. */
export function readPacket(bytes: Uint8Array, at: number): UdpPacket | DecodeFault {
  const have = bytes.length - at;
  if (have < 2) return { error: `Cannot parse datagram: ${have} bytes have no length`, fault: "truncated", offset: at };
  const stated = u16(bytes, at);
  if (stated < DATA_OFFSET - 2 + MIN_DATA) {
    return { error: `Cannot parse datagram: length ${stated} is below ${DATA_OFFSET - 2 + MIN_DATA}`, fault: "bad_length", offset: at };
  }
  if (stated > have - 2) {
    return { error: `Cannot parse datagram: length ${stated} exceeds the ${have - 2} bytes received`, fault: "truncated", offset: at };
  }
  const digits = u16(bytes, at + CHANNEL_HEADER);
  if (digits !== IMEI_DIGITS) {
    return { error: `Cannot parse datagram: IMEI length ${digits} is not ${IMEI_DIGITS}`, fault: "bad_login", offset: at + CHANNEL_HEADER };
  }
  let imei = "";
  for (let i = at + CHANNEL_HEADER + 2; i < at + DATA_OFFSET; i++) {
    const byte = bytes[i]!;
    if (byte < 0x30 || byte > 0x39) {
      return { error: `Cannot parse datagram: byte ${byte} is not a digit of an IMEI`, fault: "bad_login", offset: i };
    }
    imei += String.fromCharCode(byte);
  }
  return {
    packetId: u16(bytes, at + 2),
    type: bytes[at + 4]!,
    avlPacketId: bytes[at + 5]!,
    imei,
    start: at + DATA_OFFSET,
    length: stated + 2 - DATA_OFFSET,
  };
}

/**
 * The whole records at the beginning of a data field that breaks off inside a later one, as a data field of their own; null
 * when there is none. `columns` and `fault` are what `parseAvl` found. Only here may a part be kept: the answer says how many.
 */
export function wholeBeginning(bytes: Uint8Array, start: number, fault: number, columns: AvlColumns): Uint8Array | null {
  if (fault !== Fault.truncatedInside) return null;
  let whole = 0;
  while (whole < columns.n && columns.offsets[whole] !== columns.faultAt) whole++;
  if (whole === 0) return null;
  const data = new Uint8Array(columns.faultAt + 1);
  data.set(bytes.subarray(start, start + columns.faultAt));
  data[1] = whole;
  data[columns.faultAt] = whole;
  return data;
}

/**
 * The data field of a datagram that is one frame as TCP has it, of codec 12 to 15; null when it is none. The vendor's documents say nothing
 * of commands over UDP. Both open servers that have them (filipkroca/teltonikaparser, Traccar) send such a frame; the one takes such a
 * frame as the answer, the other a packet of the channel with the data field, and neither answers that. A packet never begins with four zeros.
 */
export function bareFrame(bytes: Uint8Array): { readonly start: number; readonly length: number } | null {
  const length = bytes.length - FRAME_OVERHEAD;
  if (length < MIN_DATA || u32(bytes, 0) !== 0 || u32(bytes, LENGTH_OFFSET) !== length) return null;
  if (codecKind(bytes[FRAME_DATA]!) !== CodecKind.command) return null;
  return crc16(bytes, FRAME_DATA, FRAME_DATA + length) === u32(bytes, FRAME_DATA + length) ? { start: FRAME_DATA, length } : null;
}

/** What the server sends back. `accepted`: records kept, counted from the first. */
export function udpAnswer(packet: Pick<UdpPacket, "packetId" | "avlPacketId">, accepted: number): Uint8Array {
  const answer = new Uint8Array(UDP_ANSWER_BYTES);
  putU16(answer, 0, UDP_ANSWER_BYTES - 2);
  putU16(answer, 2, packet.packetId);
  answer[4] = 1;
  answer[5] = packet.avlPacketId;
  answer[6] = accepted;
  return answer;
}

/** What goes before the answer to a packet that wants the channel to acknowledge it; null for the others. */
export function channelAck(packet: Pick<UdpPacket, "packetId" | "type">): Uint8Array | null {
  if (packet.type !== WANTS_CHANNEL_ACK) return null;
  const ack = new Uint8Array(CHANNEL_ACK_BYTES);
  putU16(ack, 0, CHANNEL_ACK_BYTES - 2);
  putU16(ack, 2, packet.packetId);
  ack[4] = IS_CHANNEL_ACK;
  return ack;
}
