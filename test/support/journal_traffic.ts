/** Frames as devices in the field send them: in order, newest first, again, regrouped, with broken clocks. */
import type { Prng } from "../../src/base/prng.ts";
import { avlRecord } from "./avl_data.ts";
import { type SentRecord, sentRecord } from "./journal_model.ts";

const CODECS = [0x08, 0x8e, 0x10];
const DAY = 86_400_000;
const REMEMBERED = 400;

export class FrameMaker {
  readonly #random: Prng;
  readonly #frames: SentRecord[][] = [];
  /** Where the next record in order, and the next one of a backlog, are dated. */
  #clock: number;
  #backlog: number;

  constructor(random: Prng) {
    this.#random = random;
    this.#clock = 1_699_900_000_000 + random.below(1000) * 1000;
    this.#backlog = this.#clock - DAY;
  }

  /** 1 to 6 records of one codec. */
  frame(now: number): SentRecord[] {
    const records = this.#make(now);
    this.#frames.push(records);
    if (this.#frames.length > REMEMBERED) this.#frames.splice(this.#random.below(REMEMBERED), 1);
    return records;
  }

  #make(now: number): SentRecord[] {
    const random = this.#random;
    const codec = random.pick(CODECS);
    const dice = this.#frames.length === 0 ? 0 : random.below(100);
    if (dice < 35) return this.#some(() => this.#record(codec, this.#clock += 1 + random.below(120_000)));
    if (dice < 50) return this.#some(() => this.#record(codec, this.#backlog -= 1 + random.below(90_000)));
    if (dice < 65) return random.pick(this.#frames);
    if (dice < 80) return this.#regrouped(codec);
    if (dice < 85) return this.#some(() => this.#record(codec, random.chance(0.5) ? this.#clock : this.#clock + random.below(3)));
    if (dice < 90) return this.#some(() => this.#record(codec, now + (1 + random.below(3)) * DAY + random.below(1000)));
    if (dice < 94) return this.#some(() => this.#record(codec, random.chance(0.5) ? random.below(100_000) : (this.#clock += 1000)));
    if (dice < 96) return [this.#record(codec, 2 ** 53 + random.below(3) * 4096)];
    this.#clock += random.below(20) * 3_600_000;
    return this.#some(() => this.#record(codec, this.#clock += 1000));
  }

  /** Old records of any frames of a codec, some twice, some new ones between them. */
  #regrouped(codec: number): SentRecord[] {
    const random = this.#random;
    const known = this.#frames.flat().filter((record) => record.codec === codec);
    if (known.length === 0) return [this.#record(codec, this.#clock)];
    const from = random.below(known.length);
    return this.#some((i) => {
      if (random.chance(0.2)) return this.#record(codec, this.#clock - random.below(600_000));
      return random.chance(0.5) ? random.pick(known) : known[(from + i) % known.length]!;
    });
  }

  #some(make: (i: number) => SentRecord): SentRecord[] {
    return Array.from({ length: 1 + this.#random.below(6) }, (_, i) => make(i));
  }

  #record(codec: number, time: number): SentRecord {
    const random = this.#random;
    const io = random.chance(0.5) ? { 1: random.below(3) } : {};
    return sentRecord(
      codec,
      avlRecord(codec, { time, satellites: random.chance(0.2) ? 0 : 9, lat: random.chance(0.1) ? 910_000_000 : 500_000_000, io }),
    );
  }
}
