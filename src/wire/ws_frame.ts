/**
 * WebSocket frames of a server (RFC 6455): what it sends is not masked. Pure. A text frame is made once and shared by all who get it,
 * where the runtime takes whole frames; where it takes texts, `textsOf` takes them apart again.
 *
 *   frame   | 1000 opcode | length 7 | length 16 or 64, by need | payload |
 */
import { broken } from "../base/assert.ts";

export const Opcode = { more: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
const FIN = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const SHORT_MAX = 125;
const MEDIUM_MAX = 0xffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const textFrame = (text: string): Uint8Array => frame(Opcode.text, encoder.encode(text));

/** `reason`: ASCII, up to 123 characters. */
export function closeFrame(code: number, reason: string): Uint8Array {
  return frame(Opcode.close, Uint8Array.of(code >> 8, code & 0xff, ...encoder.encode(reason)));
}

/** One whole frame. */
export function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = length <= SHORT_MAX ? 2 : length <= MEDIUM_MAX ? 4 : 10;
  const bytes = new Uint8Array(head + length);
  bytes[0] = FIN | opcode;
  if (head === 2) bytes[1] = length;
  else {
    const view = new DataView(bytes.buffer);
    bytes[1] = head === 4 ? LENGTH_16 : LENGTH_64;
    if (head === 4) view.setUint16(2, length);
    else view.setUint32(6, length);
  }
  bytes.set(payload, head);
  return bytes;
}

/** The texts of whole text frames, one after the other. */
export function textsOf(frames: Uint8Array): string[] {
  const texts: string[] = [];
  const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength);
  for (let at = 0; at < frames.length;) {
    if (frames[at] !== (FIN | Opcode.text)) broken(`frame of kind ${frames[at]} among texts`);
    const short = frames[at + 1]!;
    const head = short <= SHORT_MAX ? 2 : short === LENGTH_16 ? 4 : 10;
    const length = head === 2 ? short : head === 4 ? view.getUint16(at + 2) : view.getUint32(at + 6);
    texts.push(decoder.decode(frames.subarray(at + head, at + head + length)));
    at += head + length;
  }
  return texts;
}
