/** CRC-16 of data fields of three sizes: slicing by 16, beside a plain table loop in the same run. */
import { crc16 } from "../src/base/crc16.ts";
import { prng } from "../src/base/prng.ts";
import type { Case, Suite } from "./suite.ts";

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xa001;
  return crc;
});

function tableLoop(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let at = start; at < end; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return crc;
}

function pair(length: number): Case[] {
  const random = prng(length);
  const bytes = Uint8Array.from({ length }, () => random.below(256));
  if (tableLoop(bytes, 0, length) !== crc16(bytes, 0, length)) throw new Error("Cannot compare: the two CRCs differ");
  const plain = `table loop, ${length} bytes`;
  const of = { unit: "frame", units: 1, bytes: length };
  return [
    { ...of, name: plain, run: () => tableLoop(bytes, 0, length) },
    { ...of, name: `slicing by 16, ${length} bytes`, against: plain, run: () => crc16(bytes, 0, length) },
  ];
}

export const crcSuite = (): Suite => ({ name: "crc", cases: [64, 256, 1280].flatMap(pair) });
