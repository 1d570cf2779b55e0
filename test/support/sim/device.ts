/**
 * A tracker in the field: keeps records until they are acknowledged, sends them in frames, again after every loss, over as
 * many connections as it takes. Trusts nothing but the bytes it gets.
 */
import { encodeFrame, encodeLogin, encodeMessage } from "../../../src/codec/encode.ts";
import type { Prng } from "../../../src/base/prng.ts";
import { MessageType } from "../../../src/wire/command.ts";
import { avlData, avlRecord } from "../avl_data.ts";
import type { DeviceEnd, SimLink } from "./link.ts";
import { keyOf, type Truth } from "./truth.ts";
import { hold } from "./violation.ts";

const CODEC = 0x8e;
const WINDOW = 4;
const BACKLOG = 24;

interface SimRecord {
  readonly bytes: Uint8Array;
  readonly key: string;
}

/** What a device does over the network it is in. */
export interface Air {
  readonly truth: Truth;
  connect(device: SimDevice): SimLink;
  wall(): number;
  note(text: string): void;
}

export class SimDevice implements DeviceEnd {
  readonly imei: string;
  readonly name: string;
  readonly address: string;
  link: SimLink | null = null;
  loggedIn = false;
  acknowledged = 0;
  /** Frames that were answered behind its FIN. */
  answeredBehindFin = 0;
  refused = 0;
  readonly #air: Air;
  readonly #mark: number;
  /** Not acknowledged yet, oldest first; those of frames in flight too. */
  #backlog: SimRecord[] = [];
  #inFlight: SimRecord[][] = [];
  #lately: SimRecord[] = [];
  #made = 0;
  /** Commands it has read, in order. */
  readonly #toAnswer: { readonly text: string; readonly codec: number }[] = [];

  /** `mark` tells its records from those of another device that says it is the same one. */
  constructor(air: Air, imei: string, mark: number) {
    this.#air = air;
    this.imei = imei;
    this.#mark = mark;
    this.name = `device ${imei.slice(-2)}${mark === 0 ? "" : "'"}`;
    this.address = `10.0.${mark}.${Number(imei.slice(-3))}`;
  }

  get done(): boolean {
    return this.#backlog.length === 0;
  }

  /** One move of its own accord. */
  act(random: Prng, regroup: boolean, badFrames: boolean): void {
    const link = this.link;
    const dice = random.below(100);
    for (let i = random.below(4); i > 0 && this.#backlog.length < BACKLOG; i--) this.#measure(random);
    if (link === null) return this.connect();
    if (!this.loggedIn) {
      // A device that hears nothing tries again, and forgets the connection it had.
      if (dice >= 95) this.forget();
      return;
    }
    // Its side is ended: it waits for what it is owed, and for the gateway's end.
    if (link.finished) {
      if (dice >= 98) this.forget();
      return;
    }
    if (this.#toAnswer.length > 0 && random.chance(0.4)) return this.#answer(random, link);
    if (dice >= 98) this.forget();
    else if (dice >= 97) this.#leave(() => link.close());
    else if (dice >= 96) link.finish();
    else if (dice >= 94) this.#leave(() => link.abort());
    else if (badFrames && dice >= 91) this.#spoil(random, link);
    else this.#send(random, link, regroup);
  }

  /** Sends what it has, once it may. */
  push(random: Prng): void {
    if (this.link === null) this.connect();
    else if (this.link.finished) this.forget();
    else if (this.loggedIn && this.#inFlight.length === 0) this.#send(random, this.link, false);
  }

  /** Says that it is there. */
  ping(): void {
    if (this.loggedIn) this.link?.send(Uint8Array.of(0xff));
  }

  connect(): void {
    this.link = this.#air.connect(this);
    this.link.send(encodeLogin(this.imei));
  }

  /** Goes on without its connection, which nobody closes. */
  forget(): void {
    this.#leave(() => undefined);
  }

  promised(link: SimLink, bytes: Uint8Array): void {
    link.written.take(bytes, {
      login: () => undefined,
      acknowledged: () => {
        for (const key of link.unanswered.shift() ?? []) {
          const there = this.#air.truth.has(this.imei, key);
          hold(there, "I11 acknowledged is stored", () => `${this.name} is to be acknowledged a record that is not on disk`);
        }
      },
      command: (text) => this.#air.truth.commands.leaves(text, this.name),
    });
  }

  heard(link: SimLink, bytes: Uint8Array): void {
    if (link !== this.link) return;
    link.read.take(bytes, {
      login: (accepted) => {
        this.loggedIn = accepted;
        if (accepted) return;
        this.refused++;
        this.#leave(() => link.close());
      },
      acknowledged: (count) => link === this.link && this.#acknowledged(count),
      command: (text, codec) => this.#toAnswer.push({ text, codec }),
    });
  }

  ended(link: SimLink): void {
    if (link === this.link) this.#leave(() => undefined);
  }

  #acknowledged(count: number): void {
    const frame = this.#inFlight.shift();
    hold(frame !== undefined, "I11 acknowledged is stored", () => `${this.name} is acknowledged ${count} records it did not send`);
    hold(
      frame.length === count,
      "I11 acknowledged is stored",
      () => `${this.name} sent ${frame.length} records, ${count} are acknowledged`,
    );
    for (const record of frame) {
      const there = this.#air.truth.has(this.imei, record.key);
      hold(there, "I11 acknowledged is stored", () => `${this.name} is acknowledged a record that is not on disk`);
    }
    this.acknowledged += count;
    if (this.link?.finished === true) this.answeredBehindFin++;
    this.#backlog = this.#backlog.filter((record) => !frame.includes(record));
    this.#lately = frame;
  }

  #leave(how: () => void): void {
    how();
    this.link = null;
    this.loggedIn = false;
    this.#inFlight = [];
  }

  /** The oldest command is answered, refused or forgotten. */
  #answer(random: Prng, link: SimLink): void {
    const { text, codec } = this.#toAnswer.shift()!;
    if (random.chance(0.2)) return;
    const type = codec === 14 && random.chance(0.3) ? MessageType.nack : MessageType.response;
    const payload = new TextEncoder().encode(`done ${text}`);
    const message = codec === 14 ? encodeMessage("14", { type, payload, imei: this.imei }) : encodeMessage("12", { type, payload });
    link.send(encodeFrame(message));
  }

  #measure(random: Prng): void {
    // Now and then from the past: a backlog comes newest first.
    const back = random.chance(0.2) ? random.below(5_000_000) : 0;
    const bytes = avlRecord(CODEC, { time: 1_700_000_000_000 + this.#made++ * 1000 - back, io: { 1: this.#mark, 2: this.#made & 0xff } });
    this.#backlog.push({ bytes, key: keyOf(bytes) });
  }

  #send(random: Prng, link: SimLink, regroup: boolean): void {
    if (this.#inFlight.length >= WINDOW) return;
    const flying = new Set(this.#inFlight.flat());
    const waiting = this.#backlog.filter((record) => !flying.has(record));
    const records = waiting.slice(0, 1 + random.below(6));
    if (regroup && random.chance(0.3)) records.push(...this.#lately.slice(0, 2));
    if (records.length === 0) return;
    this.#inFlight.push(records);
    link.unanswered.push(records.map(({ key }) => key));
    link.send(encodeFrame(avlData(CODEC, records.map((record) => record.bytes)).data));
  }

  /** A frame that cannot be read ends the connection; nothing of it is acknowledged. */
  #spoil(random: Prng, link: SimLink): void {
    const frame = encodeFrame(Uint8Array.of(0x8e, 1, random.below(3), 7, 1));
    if (random.chance(0.5)) frame[frame.length - 1]! ^= 0x5a;
    link.send(frame);
  }
}
