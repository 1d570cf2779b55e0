/**
 * Whole inputs into what they say: the facade behind `berth decode`, built on the very framer and parser of the gateway.
 * Pure; cold path.
 */
import { AssertionError, assertNever } from "../base/assert.ts";
import { toHex, u32 } from "../base/bytes.ts";
import { crc16 } from "../base/crc16.ts";
import { FRAME_FAULTS, type FrameFault } from "../wire/frame_message.ts";
import type { DecodeFault } from "./decode_fault.ts";
import { FRAME_OVERHEAD, Framer, type FrameSink, LOGIN_BYTES, Next, violationText } from "./framer.ts";
import { type AvlRecord, decodeRecord } from "./record.ts";
import { AvlColumns, Fault, parseAvl } from "./teltonika/avl.ts";
import { CodecKind, codecKind, type CodecName, codecName } from "./teltonika/codec_id.ts";
import { type CommandMessage, decodeMessages } from "./teltonika/command.ts";
import { FRAME_DATA, readPacket } from "./teltonika/udp.ts";

export interface DecodedRecords {
  readonly codec: CodecName;
  /** Null in TCP frames, which do not carry it. */
  readonly imei: string | null;
  readonly records: readonly AvlRecord[];
  /** Null in UDP packets, which have none. */
  readonly crc: "ok" | null;
  /** IO ids that came again in a record (the last value is kept); absent when none did. */
  readonly repeatedIds?: number;
}

export interface DecodedMessages {
  readonly codec: CodecName;
  readonly messages: readonly CommandMessage[];
}

export type Decoded = DecodedRecords | DecodedMessages | { readonly login: string } | { readonly ping: number } | DecodeFault;

/** What a TCP connection sent, from its beginning or from any frame on: a login, frames and pings in any number. */
export function decodeStream(bytes: Uint8Array, frameBytes: number): Decoded[] {
  const results: Decoded[] = [];
  let at = 0;
  /** Behind a frame with a wrong CRC: its length may be as wrong, so what follows is not held against the input until it makes sense. */
  let isLost = false;
  const sink: FrameSink<null> = {
    login(_context, imei) {
      results.push({ login: imei });
      at += LOGIN_BYTES;
      return Next.go;
    },
    frame(_context, data, start, length) {
      results.push(decodeData(data, start, length, null, "ok"));
      at = start + length + 4;
      isLost = false;
      return Next.go;
    },
    badCrc(_context, data, start, length) {
      const tail = start + length;
      const error = `Cannot parse frame: CRC ${toHex(data, tail, tail + 4)} is not ${hex32(crc16(data, start, tail))}`;
      results.push({ error, fault: "crc_mismatch", offset: tail });
      at = tail + 4;
      isLost = true;
      return Next.go;
    },
    ping(_context, count) {
      if (!isLost) results.push({ ping: count });
      at += count;
    },
    violation(_context, fault, offset, value) {
      if (!isLost) results.push({ error: violationText(fault, offset, value, frameBytes), fault, offset: at + offset });
    },
  };
  // A login starts with its length, a frame with zeros: a first byte of 0 and a second that is not can only mean a login.
  const framer = new Framer(sink, null, frameBytes, !(bytes[0] === 0 && bytes.length > 1 && bytes[1] !== 0));
  framer.push(bytes);
  if (framer.heldBytes > 0 && !isLost) {
    const error = `Cannot parse frame: the input ends after ${framer.heldBytes} bytes of it`;
    results.push({ error, fault: "truncated", offset: bytes.length });
  } else if (bytes.length === 0) results.push({ error: "Cannot parse frame: the input is empty", fault: "truncated", offset: 0 });
  return results;
}

/** What one datagram carries: channel packets, or a command frame as TCP has it. */
export function decodeDatagram(bytes: Uint8Array, frameBytes: number): Decoded[] {
  const isFrame = bytes.length >= FRAME_OVERHEAD && u32(bytes, 0) === 0 && codecKind(bytes[FRAME_DATA]!) === CodecKind.command;
  if (isFrame) return decodeStream(bytes, frameBytes);
  const results: Decoded[] = [];
  let at = 0;
  let isLost = false;
  do {
    const packet = readPacket(bytes, at);
    if ("fault" in packet) {
      if (!isLost) results.push(packet);
      break;
    }
    const decoded = decodeData(bytes, packet.start, packet.length, packet.imei, null);
    isLost = "fault" in decoded;
    results.push(decoded);
    at = packet.start + packet.length;
  } while (at < bytes.length);
  return results;
}

/** The data field bytes[start .. start + length) of a frame or packet. */
function decodeData(bytes: Uint8Array, start: number, length: number, imei: string | null, crc: "ok" | null): Decoded {
  const codec = bytes[start]!;
  if (codecKind(codec) === CodecKind.command) {
    const messages = decodeMessages(bytes, start, length);
    return "fault" in messages ? messages : { codec: codecName(codec), messages };
  }
  const columns = new AvlColumns();
  const fault = parseAvl(bytes, start, length, Number.MAX_SAFE_INTEGER, columns);
  if (fault !== Fault.none) {
    const name = FRAME_FAULTS[fault]!;
    return {
      error: faultText(name, bytes, start, length, columns),
      fault: name as Exclude<FrameFault, "none">,
      offset: start + columns.faultAt,
    };
  }
  const tally = { repeatedIds: 0 };
  const records: AvlRecord[] = [];
  for (let i = 0; i < columns.n; i++) records.push(decodeRecord(codec, bytes, start + columns.offsets[i]!, tally));
  const decoded: DecodedRecords = { codec: codecName(codec), imei, records, crc };
  return tally.repeatedIds > 0 ? { ...decoded, repeatedIds: tally.repeatedIds } : decoded;
}

function faultText(fault: FrameFault, bytes: Uint8Array, start: number, length: number, columns: AvlColumns): string {
  switch (fault) {
    case "unknown_codec":
      return `Cannot parse frame: codec ${columns.codec} is not known`;
    case "count_mismatch": {
      const second = bytes[start + length - 1]!;
      return second === columns.n
        ? "Cannot parse frame: it has no records"
        : `Cannot parse frame: record counts ${columns.n} and ${second} differ`;
    }
    case "truncated_inside":
      return `Cannot parse frame: the record at offset ${columns.faultAt} ends beyond its ${length} bytes`;
    case "trailing_bytes":
      return `Cannot parse frame: ${length - 1 - columns.faultAt} bytes follow the last record`;
    case "crc_mismatch":
    case "none":
      throw new AssertionError(`parsing gave fault ${fault}`);
    default:
      return assertNever(fault, "frame fault");
  }
}

const hex32 = (value: number): string => value.toString(16).padStart(8, "0");
