/**
 * A device under stress: what it has sent, what of it was acknowledged, and its one connection. Nothing is forgotten before it
 * is acknowledged; what is not is sent again over the next connection, as a tracker does.
 */
import type { AvlRecord } from "../codec/record.ts";
import type { Platform } from "../platform/port.ts";
import type { FrameSource, SimulatedFrame } from "./simulate_source.ts";
import { Broken } from "./stress_score.ts";
import { StressLink } from "./stress_link.ts";

/** Acknowledged frames kept to be sent again. */
const KEPT_FRAMES = 16;
const ANSWER_MS = 10_000;

export class StressDevice {
  readonly imei: string;
  link: StressLink | null = null;
  /** Records that were acknowledged at least once. */
  acknowledged = 0;
  /** Of all its logins, the slowest. */
  slowestLoginMs = 0;
  readonly #platform: Platform;
  readonly #source: FrameSource;
  /** Sent and not acknowledged, oldest first. */
  #outstanding: SimulatedFrame[] = [];
  readonly #kept: SimulatedFrame[] = [];
  /** Every acknowledged record, by its time: each has its own. */
  readonly #records = new Map<number, AvlRecord>();

  constructor(platform: Platform, imei: string, source: FrameSource) {
    this.#platform = platform;
    this.imei = imei;
    this.#source = source;
  }

  get records(): ReadonlyMap<number, AvlRecord> {
    return this.#records;
  }
  get connected(): boolean {
    return this.link !== null && !this.link.closed;
  }

  /** A new connection becomes the device's; the old one is left to whoever has it. */
  async connect(port: number): Promise<StressLink> {
    const began = this.#platform.clock.mono();
    this.link = await StressLink.login(this.#platform, port, this.imei);
    this.slowestLoginMs = Math.max(this.slowestLoginMs, this.#platform.clock.mono() - began);
    return this.link;
  }

  /** Makes frames and sends them without waiting. */
  throw(count: number): void {
    for (let i = 0; i < count; i++) {
      const frame = this.#source.next();
      this.#outstanding.push(frame);
      this.link!.write(frame.bytes);
    }
  }

  /** Half of a frame; the whole follows when all is sent again. */
  throwHalf(): void {
    const frame = this.#source.next();
    this.#outstanding.push(frame);
    this.link!.write(frame.bytes.subarray(0, frame.bytes.length >> 1));
  }

  /** Counts what was acknowledged on the present connection. @throws Error when an answer is not the number of records sent. */
  settle(): void {
    for (let acked = this.link?.acks.shift(); acked !== undefined; acked = this.link?.acks.shift()) {
      const frame = this.#outstanding.shift();
      if (frame === undefined) throw new Broken("acks", `${this.imei}: an acknowledgement too many`);
      if (acked !== frame.records.length) {
        throw new Broken("acks", `${this.imei}: ${acked} records were acknowledged of ${frame.records.length}`);
      }
      this.#keep(frame);
    }
  }

  /** Connects again when it must, sends what was never acknowledged and `more` new frames; all are acknowledged when it resolves. */
  async catchUp(port: number, more = 0): Promise<void> {
    this.settle();
    if (!this.connected) await this.connect(port);
    const link = this.link!;
    for (const { bytes } of this.#outstanding) link.write(bytes);
    this.throw(more);
    const owed = this.#outstanding.length;
    await link.until(`${owed} acknowledgements for ${this.imei}`, () => link.closed || link.acks.length >= owed, ANSWER_MS);
    this.settle();
    if (this.#outstanding.length > 0) throw new Broken("owner", `${this.imei}: its only connection was closed`);
  }

  /** Sends frames again that were acknowledged before. */
  async again(count: number): Promise<void> {
    const frames = this.#kept.slice(-count);
    this.#outstanding.push(...frames);
    await this.#answered(frames);
  }

  /** Writes `frames`, which are outstanding, and waits for their answers. */
  async #answered(frames: readonly SimulatedFrame[]): Promise<void> {
    const link = this.link!;
    for (const { bytes } of frames) link.write(bytes);
    await link.until(
      `the answers to frames sent again for ${this.imei}`,
      () => link.closed || link.acks.length >= frames.length,
      ANSWER_MS,
    );
    this.settle();
  }

  #keep(frame: SimulatedFrame): void {
    for (const record of frame.records) {
      if (!this.#records.has(record.time)) this.acknowledged++;
      this.#records.set(record.time, record);
    }
    if (this.#kept.includes(frame)) return;
    this.#kept.push(frame);
    if (this.#kept.length > KEPT_FRAMES) this.#kept.shift();
  }
}
