/** The frames one simulated tracker sends, in the order it sends them. Pure: seed and index say everything. */
import { prng } from "../base/prng.ts";
import { encodeData, encodeFrame } from "../codec/encode.ts";
import { IMEI_DIGITS } from "../codec/framer.ts";
import type { AvlRecord } from "../codec/record.ts";
import type { AvlCodecName } from "../codec/teltonika/codec_id.ts";
import { Track } from "./track.ts";

export const SIMULATED_CODECS = ["8", "8E", "16", "mix"] as const;
export type SimulatedCodec = (typeof SIMULATED_CODECS)[number];

export interface SourceOptions {
  readonly seed: number;
  readonly codec: SimulatedCodec;
  /** Records in a frame, 1 to 255. */
  readonly records: number;
  /** Time of every tracker's first record, ms. */
  readonly start: number;
  readonly stepMs: number;
  /** Send as a tracker set to "sort by newest" empties its flash: the newest record first, backlog by backlog. */
  readonly newestFirst: boolean;
}

export interface SimulatedFrame {
  readonly records: readonly AvlRecord[];
  /** The whole TCP frame. */
  readonly bytes: Uint8Array;
}

/** Frames a tracker has in its flash before it sends them newest first. */
const BACKLOG_FRAMES = 16;
const MIX: readonly AvlCodecName[] = ["8", "8E", "16"];
const GOLDEN_RATIO = 0x9e37_79b9;

/** The identity of tracker `index`, counting on from `first`; after the last one comes 0. */
export const imeiOf = (first: string, index: number): string =>
  String((Number(first) + index) % 10 ** IMEI_DIGITS).padStart(IMEI_DIGITS, "0");

export const codecOf = (codec: SimulatedCodec, index: number): AvlCodecName => codec === "mix" ? MIX[index % MIX.length]! : codec;

export class FrameSource {
  readonly codec: AvlCodecName;
  readonly #track: Track;
  readonly #options: SourceOptions;
  /** Frames made and not sent, newest last. */
  readonly #backlog: AvlRecord[][] = [];

  constructor(options: SourceOptions, index: number) {
    this.#options = options;
    this.codec = codecOf(options.codec, index);
    const seed = (options.seed ^ Math.imul(index + 1, GOLDEN_RATIO)) >>> 0;
    this.#track = new Track(prng(seed), { codec: this.codec, start: options.start, stepMs: options.stepMs });
  }

  next(): SimulatedFrame {
    if (this.#backlog.length === 0) {
      const frames = this.#options.newestFirst ? BACKLOG_FRAMES : 1;
      for (let i = 0; i < frames; i++) this.#backlog.push(this.#nextRecords());
    }
    const records = this.#backlog.pop()!;
    if (this.#options.newestFirst) records.reverse();
    return { records, bytes: encodeFrame(encodeData(this.codec, records)) };
  }

  #nextRecords(): AvlRecord[] {
    return Array.from({ length: this.#options.records }, () => this.#track.next());
  }
}
