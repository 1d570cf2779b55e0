/** Devices that make records: seeded, so that a run can be told again; every record of a device has its own time. */
import { type Prng, prng } from "../../src/base/prng.ts";
import { type CodecName, encodeFrame, expectedJson, type IoValue, type RecordJson, type TestRecord } from "./frames.ts";

const FIRST_TIME = 1_760_000_000_000;

/** A frame as sent: its bytes and what the gateway must show for it. */
export interface SentFrame {
  readonly bytes: Uint8Array;
  readonly records: readonly TestRecord[];
}

const hexOf = (random: Prng, bytes: number): string =>
  Array.from({ length: bytes }, () => random.below(256).toString(16).padStart(2, "0")).join("");

function ioOf(codec: CodecName, random: Prng): IoValue[] {
  const top = codec === "8" ? 255 : 65_535;
  const ids = new Set<number>();
  const io: IoValue[] = [];
  for (const width of codec === "8E" ? [1, 2, 4, 8, 17] : [1, 2, 4, 8]) {
    for (let left = random.below(3); left > 0; left--) {
      const id = 1 + random.below(top);
      if (!ids.has(id)) io.push({ id, hex: hexOf(random, width) });
      ids.add(id);
    }
  }
  return io;
}

export class TestDevice {
  readonly imei: string;
  readonly codec: CodecName;
  readonly #random: Prng;
  readonly #stepMs: number;
  #time: number;

  constructor(number: number, codec: CodecName, stepMs = 1000) {
    this.imei = imeiOf(number);
    this.codec = codec;
    this.#random = prng(number);
    this.#stepMs = stepMs;
    this.#time = FIRST_TIME + number;
  }

  /** The next records, each later than the one before. Altitudes below 0, fixes and no fixes, all hemispheres. */
  records(count: number): TestRecord[] {
    return Array.from({ length: count }, () => {
      const random = this.#random;
      this.#time += this.#stepMs;
      const fix = random.chance(0.8);
      return {
        time: this.#time,
        priority: random.below(3),
        lonRaw: random.below(3_600_000_000) - 1_800_000_000,
        latRaw: random.below(1_800_000_000) - 900_000_000,
        altitude: random.below(5000) - 400,
        angle: fix ? random.below(360) : 0,
        satellites: fix ? 4 + random.below(20) : 0,
        speed: fix ? random.below(200) : 0,
        eventId: random.below(256),
        generationType: random.below(8),
        io: ioOf(this.codec, random),
      };
    });
  }

  frame(records: readonly TestRecord[]): SentFrame {
    return { bytes: encodeFrame(this.codec, records), records };
  }

  /** `count` frames of the next records, 1 to `most` each. */
  frames(count: number, most = 6): SentFrame[] {
    return Array.from({ length: count }, () => this.frame(this.records(1 + this.#random.below(most))));
  }

  expected(records: readonly TestRecord[]): RecordJson[] {
    return records.map((record) => expectedJson(this.codec, record));
  }
}

export const imeiOf = (number: number): string => `35${String(number).padStart(13, "0")}`;
export const recordsOf = (frames: readonly SentFrame[]): TestRecord[] => frames.flatMap((frame) => frame.records);
