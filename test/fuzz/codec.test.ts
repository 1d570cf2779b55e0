/**
 * Seeded mutations of golden frames, held against the slow reference: never a throw, never a hang, never a frame taken as
 * valid that is not, and none refused that is. A failure prints its seed and bytes.
 */
import { describe, expect, test } from "bun:test";
import { fromHex, putU32, toHex } from "../../src/base/bytes.ts";
import { crc16 } from "../../src/base/crc16.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { decodeDatagram, decodeStream } from "../../src/codec/codec.ts";
import { encodeLogin } from "../../src/codec/encode.ts";
import { Next } from "../../src/codec/framer.ts";
import { VENDOR_VECTORS } from "../golden/codec_vectors.ts";
import { referenceStream } from "./codec_reference.ts";
import { framerStream } from "./codec_stream.ts";

const ROUNDS = 200_000;
const LIMIT = 1300;
const LOGIN = encodeLogin("356307042441013");
const FRAMES = VENDOR_VECTORS.filter((vector) => vector.transport === "tcp" && vector.expected.kind === "frame").map((vector) =>
  fromHex(vector.hex) as Uint8Array
);
const DATAGRAMS = VENDOR_VECTORS.filter((vector) => vector.transport === "udp").map((vector) => fromHex(vector.hex) as Uint8Array);
const TELLING = [0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x08, 0x8e, 0x10, 0x0c, 0x0f];

function mutate(bytes: Uint8Array, random: Prng): Uint8Array {
  let out = bytes.slice();
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(Math.max(out.length, 1));
    switch (random.below(6)) {
      case 0:
        out[at] = out[at]! ^ (1 << random.below(8));
        break;
      case 1:
        out[at] = random.pick(TELLING);
        break;
      case 2:
        out = out.slice(0, at);
        break;
      case 3:
        out = Uint8Array.from([...out.subarray(0, at), random.pick(TELLING), ...out.subarray(at)]);
        break;
      case 4:
        out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(at + 1 + random.below(8))]);
        break;
      default:
        out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(random.below(out.length), out.length)]).subarray(0, LIMIT);
    }
  }
  return out;
}

/** A mutated frame; half of them get the right length and CRC again, so that the parser sees the damage too. */
function mutant(random: Prng): Uint8Array {
  const golden = random.pick(FRAMES);
  if (random.chance(0.5)) return mutate(golden, random);
  const data = mutate(golden.subarray(8, -4), random);
  const frame = new Uint8Array(data.length + 12);
  frame.set(data, 8);
  putU32(frame, 4, data.length);
  putU32(frame, data.length + 8, crc16(data, 0, data.length));
  return frame;
}

function chunked(bytes: Uint8Array, random: Prng): Uint8Array[] {
  if (random.chance(0.5)) return [bytes];
  const chunks: Uint8Array[] = [];
  const most = random.pick([1, 7, 40, 400]);
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + random.below(most));
    chunks.push(bytes.slice(at, end));
    at = end;
  }
  return chunks;
}

/** One stream: a login (sometimes damaged), then up to three frames, mutants and pings. */
function stream(random: Prng): Uint8Array {
  const parts: number[] = [...(random.chance(0.02) ? mutate(LOGIN, random) : LOGIN)];
  for (let left = random.below(3); left > 0; left--) parts.push(...(random.chance(0.2) ? [0xff] : random.pick(FRAMES)));
  parts.push(...mutant(random));
  if (random.chance(0.3)) parts.push(...random.pick(FRAMES));
  return Uint8Array.from(parts);
}

const ANSWERS: readonly Next[] = [Next.go, Next.go, Next.go, Next.pause, Next.again];

describe("fuzz codec", () => {
  test(`${ROUNDS} mutated streams give what the reference says`, () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < ROUNDS; seed++) {
      const random = prng(seed);
      const bytes = stream(random);
      const expected = referenceStream(bytes, LIMIT);
      const got = framerStream(chunked(bytes, random), LIMIT, () => random.pick(ANSWERS));
      if (got.join("\n") !== expected.join("\n")) {
        expect({ seed, hex: toHex(bytes), items: got }).toEqual({ seed, hex: toHex(bytes), items: expected });
      }
      for (const item of expected) {
        const kind = item.startsWith("frame ") ? item.split(" ")[1]! : item.split(" ")[0]!;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }
    }
    // The mutations reach every outcome, or they prove nothing.
    const kinds = [
      "8",
      "8E",
      "16",
      "unknown_codec",
      "count_mismatch",
      "truncated_inside",
      "trailing_bytes",
      "bad_crc",
      "bad_login",
      "bad_preamble",
      "bad_length",
      "too_long",
    ];
    for (const kind of kinds) expect([kind, (seen.get(kind) ?? 0) >= 50]).toEqual([kind, true]);
  }, 60_000);

  test("mutated inputs of decode give results or faults, and never throw", () => {
    const random = prng(7);
    let faults = 0;
    for (let round = 0; round < 20_000; round++) {
      const udp = random.chance(0.5);
      const bytes = udp ? mutate(random.pick(DATAGRAMS), random) : mutant(random);
      const results = udp ? decodeDatagram(bytes, LIMIT) : decodeStream(bytes, LIMIT);
      expect(results.length).toBeGreaterThan(0);
      for (const result of results) {
        if (!("fault" in result)) continue;
        faults++;
        if (result.error === "" || result.offset < 0 || result.offset > bytes.length) {
          expect({ round, hex: toHex(bytes), result }).toBeNull();
        }
      }
    }
    expect(faults).toBeGreaterThan(5_000);
  });
});
