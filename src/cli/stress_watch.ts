/**
 * The event consumer of a stress run: one stream after the other over every life of the gateway, resumed where the last one
 * stopped. Finds a seq that was left out without a word, a record told twice, and a fence that does not rise.
 */
import { connect } from "../client/connect.ts";
import type { Connection } from "../client/connection.ts";
import type { BerthEvent } from "../client/events.ts";

const WAIT_MS = 15_000;
/** Events that tell of a connection's begin, each with a fence of its own. */
const ADMISSIONS = new Set(["connected", "replaced"]);

/** What went wrong, told as it is found. */
export type Complain = (rule: "gaps" | "fences", what: string) => void;

interface EventData {
  readonly device?: string;
  readonly fence?: number;
  readonly time?: number;
}

export class StressWatch {
  /** Records told, per device. */
  readonly records = new Map<string, number>();
  events = 0;
  /** Gaps that were told: they are not silent. */
  gaps = 0;
  #seq = 0;
  #cursor: string;
  readonly #fences = new Map<string, number>();
  readonly #complain: Complain;
  #connection: Connection | null = null;
  #reading: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  /** `cursor`: where it begins. */
  constructor(cursor: string, complain: Complain) {
    this.#cursor = cursor;
    this.#seq = seqOf(cursor);
    this.#complain = complain;
  }

  /** Follows the gateway at `url` from where it is. */
  follow(url: string): void {
    this.#connection = connect(url, { cursor: this.#cursor, random: () => 0 });
    this.#reading = this.#read(this.#connection);
  }

  /** Leaves the gateway: it is about to go, or has gone. */
  async leave(): Promise<void> {
    this.#connection?.close();
    this.#connection = null;
    await this.#reading;
  }

  /** Resolves when it has been told everything up to `cursor`. @throws Error when not in time. */
  async reach(cursor: string): Promise<void> {
    const seq = seqOf(cursor);
    const late = setTimeout(() => this.#wake(), WAIT_MS);
    const deadline = performance.now() + WAIT_MS;
    try {
      while (this.#seq < seq) {
        if (performance.now() >= deadline) throw new Error(`the consumer is at ${this.#seq} of ${seq} after ${WAIT_MS} ms`);
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(late);
    }
  }

  async #read(connection: Connection): Promise<void> {
    for await (const event of connection) {
      if (event.event !== "over") this.#take(event);
      this.#wake();
    }
  }

  #take(event: BerthEvent): void {
    const data = event.data as EventData;
    const seq = seqOf(event.id);
    if (event.event === "gap" || event.event === "resync") this.gaps++;
    else if (seq !== this.#seq + 1) this.#complain("gaps", `seq ${seq} came after ${this.#seq}`);
    this.#seq = seq;
    this.#cursor = event.id;
    this.events++;
    const { device, fence = 0 } = data;
    if (device === undefined) return;
    if (event.event === "record") this.records.set(device, (this.records.get(device) ?? 0) + 1);
    const highest = this.#fences.get(device) ?? 0;
    const rises = ADMISSIONS.has(event.event) ? fence > highest : fence >= highest || !OF_OWNER.has(event.event);
    if (!rises) this.#complain("fences", `${event.event} of ${device} has fence ${fence} after ${highest}`);
    if (ADMISSIONS.has(event.event)) this.#fences.set(device, fence);
  }
}

/** Events that only a device's owner may bring about. */
const OF_OWNER = new Set(["record", "disconnected"]);

const seqOf = (cursor: string): number => Number(cursor.slice(cursor.lastIndexOf(".") + 1));
