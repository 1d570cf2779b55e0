/**
 * `berth decode`: hex in, one JSON line per login, frame, ping or datagram out, by the gateway's own framer and parser. For a
 * person with a capture or a device log; needs no running gateway.
 */
import { TextLineStream } from "@std/streams/text-line-stream";
import { fromHex } from "../base/bytes.ts";
import { namedValues } from "../codec/io_value.ts";
import type { IoFamily } from "../codec/teltonika/io_names.ts";
import { type Decoded, decodeDatagram, decodeStream } from "../codec/codec.ts";
import type { Platform } from "../platform/port.ts";

export interface DecodeOptions {
  /** Each input is a datagram of the UDP channel, not the bytes of a connection. */
  readonly udp: boolean;
  /** The input, or null: every line of standard input is one. */
  readonly hex: string | null;
  /** Show known IO values named and scaled, as that family of devices means them. */
  readonly names: IoFamily | null;
  /** Longest data field taken, as in the gateway. */
  readonly frameBytes: number;
}

const SPACE = /\s/;

/** Resolves with the exit code: 1 when any input was not valid. */
export async function decode(options: DecodeOptions, platform: Pick<Platform, "stdin" | "writeOut">): Promise<number> {
  let exit = 0;
  const take = (text: string): void => {
    for (const decoded of decodeHex(text, options)) {
      if ("fault" in decoded) exit = 1;
      platform.writeOut(`${JSON.stringify(withNames(decoded, options.names))}\n`);
    }
  };
  if (options.hex !== null) take(options.hex);
  else {
    // The decoder's types do not agree with the stream's about shared memory; what comes from a pipe is never shared.
    const text = platform.stdin().pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
    for await (const line of text.pipeThrough(new TextLineStream())) if (line.trim() !== "") take(line);
  }
  return exit;
}

function withNames(decoded: Decoded, family: IoFamily | null): unknown {
  if (family === null || !("records" in decoded)) return decoded;
  return { ...decoded, records: decoded.records.map((record) => ({ ...record, named: namedValues(record.io, family) })) };
}

function decodeHex(text: string, options: DecodeOptions): Decoded[] {
  const bytes = fromHex(text.replaceAll(/\s/g, ""));
  if (typeof bytes === "number") {
    const offset = placeOf(text, bytes);
    const what = offset < text.length
      ? `character ${JSON.stringify(text[offset])} at ${offset} is not hexadecimal`
      : "a digit is missing at its end";
    return [{ error: `Cannot read input: ${what}`, fault: "bad_hex", offset }];
  }
  return options.udp ? decodeDatagram(bytes, options.frameBytes) : decodeStream(bytes, options.frameBytes);
}

/** Index in `text` of its character number `index` that is not a space. */
function placeOf(text: string, index: number): number {
  let left = index;
  for (let at = 0; at < text.length; at++) if (!SPACE.test(text[at]!) && left-- === 0) return at;
  return text.length;
}
