/**
 * The edges of the protocol: widths, counts, lengths, times and signs at their limits and one beyond, as an encoder that shares nothing
 * with this code wrote them from the protocol's description. Whole, byte by byte, and through the columns.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "../../src/base/bytes.ts";
import { decodeDatagram, decodeStream } from "../../src/codec/codec.ts";
import { Framer, type FrameSink, Next } from "../../src/codec/framer.ts";
import { AvlColumns, Fault, parseAvl } from "../../src/codec/teltonika/avl.ts";
import { CodecKind, codecKind } from "../../src/codec/teltonika/codec_id.ts";
import { FRAME_FAULTS } from "../../src/wire/frame_message.ts";

interface Vector {
  readonly name: string;
  readonly transport: "tcp" | "udp";
  readonly hex: string;
  readonly lines: readonly Line[];
}
interface Line {
  readonly fault?: string;
  readonly login?: string;
  readonly ping?: number;
  readonly messages?: readonly unknown[];
  readonly records?: readonly { readonly time: number }[];
}

const FRAME_BYTES = 32_768;
const { vectors } = JSON.parse(readFileSync(join(import.meta.dirname, "edge_vectors.json"), "utf8")) as { vectors: readonly Vector[] };
const bytesOf = ({ hex }: Vector): Uint8Array => fromHex(hex) as Uint8Array;

/** What a gateway's worker makes of a connection, in pieces of so many bytes: one line an item, of a frame the times of its records. */
function walked(bytes: Uint8Array, piece: number): string[] {
  const lines: string[] = [];
  const columns = new AvlColumns();
  const sink: FrameSink<null> = {
    login: (_, imei) => (lines.push(imei), Next.go),
    frame(_, data, start, length) {
      if (codecKind(data[start]!) === CodecKind.command) lines.push("messages");
      else {
        const fault = parseAvl(data, start, length, 0, columns);
        lines.push(fault === Fault.none ? columns.times.subarray(0, columns.n).join(" ") : FRAME_FAULTS[fault]!);
      }
      return Next.go;
    },
    badCrc: () => (lines.push("crc_mismatch"), Next.stop),
    ping: (_, count) => void lines.push(...Array<string>(count).fill("ping")),
    violation: (_, fault) => void lines.push(fault),
  };
  const framer = new Framer(sink, null, FRAME_BYTES, bytes[0] !== 0 || bytes[1] === 0);
  for (let at = 0; at < bytes.length; at += piece) framer.push(bytes.subarray(at, at + piece));
  return framer.heldBytes > 0 ? [...lines, "truncated"] : lines;
}

const expectedOf = (lines: readonly Line[]): string[] =>
  lines.flatMap(({ fault, login, ping = 0, messages, records }) => {
    if (ping > 0) return Array<string>(ping).fill("ping");
    return fault ?? login ?? (messages === undefined ? records!.map(({ time }) => time).join(" ") : "messages");
  });
/** Messages are looked into by people only: a worker keeps what makes no sense as it came. */
const isMessage = ({ hex }: Vector): boolean => codecKind(Number.parseInt(hex.slice(16, 18), 16)) === CodecKind.command;

describe("edge", () => {
  for (const vector of vectors) {
    test(`${vector.name}, decodes as the protocol says`, () => {
      const decoded = vector.transport === "udp"
        ? decodeDatagram(bytesOf(vector), FRAME_BYTES)
        : decodeStream(bytesOf(vector), FRAME_BYTES);
      expect(JSON.parse(JSON.stringify(decoded.map((line) => "fault" in line ? { fault: line.fault } : line)))).toEqual(vector.lines);
    });
    if (vector.transport === "udp" || (isMessage(vector) && vector.lines[0]!.fault !== undefined)) continue;
    test(`${vector.name}, is cut alike in pieces of any size`, () => {
      for (const piece of [vector.hex.length, 1, 2, 3, 7, 17, 64]) expect(walked(bytesOf(vector), piece)).toEqual(expectedOf(vector.lines));
    });
  }
});
