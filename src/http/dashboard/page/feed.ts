/**
 * How the page keeps up with the journal: reads every device, follows the events after, resumes by cursor after a loss, and
 * reads every device again when the gateway says that something is missing (`gap`) or that the cursor is none of its own
 * (`resync`). Where the page does not keep up it gets the newest record of each device instead of all (`mode=latest`). Owned by the page; what it is given is called in the order of the journal.
 */
import { parseCursor } from "../../../broker/cursor.ts";
import type { SseOptions } from "../../../client/connect.ts";
import type { BerthEvent, EventOf } from "../../../client/events.ts";
import { devicePages, type Gateway } from "../../../client/gateway.ts";
import type { Loss, LossCause } from "../../../client/loss.ts";
import type { Device } from "../../../client/model.ts";

/** What a feed tells the page. */
export interface Told {
  hydrating(): void;
  page(devices: readonly Device[], seq: number): void;
  hydrated(): void;
  opened(): void;
  heard(): void;
  /** `isNew`: after the hydrate; false for events asked for only to show what was before. */
  event(kind: string, seq: number, data: unknown, isNew: boolean): void;
  lost(reason: string, waitMs: number): void;
  /** For good. */
  refused(reason: string, cause: LossCause): void;
  /** The gateway ends the stream in order. */
  bye(reason: string): void;
  /** Devices are read again. `missing`: events that are kept no more. */
  again(why: "gap" | "resync", missing: number): void;
  /** So many records after the hydrate were left out, and newer ones stand for them: nothing but counts and tracks lacks them. */
  leftOut(events: number): void;
  /** Known devices as of `seq`, read beside the stream. */
  corrected(devices: readonly Device[], seq: number): void;
}

export interface FeedPorts extends Pick<Gateway, "devices"> {
  /** Every event after a cursor, until the caller leaves or the signal aborts. */
  follow(options: SseOptions): AsyncIterable<BerthEvent>;
  pause(ms: number): Promise<void>;
  /** Resolves at once while there is time; lets the browser draw when there is none left. */
  breathe(): Promise<void>;
}

export interface FeedCounts {
  /** Events applied since the page was opened, each once. */
  events: number;
  /** Seq of the last. */
  seq: number;
  /** Came twice, and were left out. */
  doubled: number;
  /** Seqs that did not come, and nothing said why: messages of channels, which the page does not ask for; without any of those, missing events. */
  unseen: number;
  /** Left out by the gateway, which said so. */
  coalesced: number;
  hydrates: number;
}

/** As many as the gateway holds in memory: they cost it no read, and give takeovers and trails from the start. */
const LOOK_BACK_EVENTS = 2000;
const HYDRATE_AGAIN_MS = 2000;

interface Start {
  readonly epoch: string;
  readonly seq: number;
}

export class Feed {
  readonly counts: FeedCounts = { events: 0, seq: 0, doubled: 0, unseen: 0, coalesced: 0, hydrates: 0 };
  readonly #ports: FeedPorts;
  readonly #told: Told;
  #epoch = "";

  constructor(ports: FeedPorts, told: Told) {
    this.#ports = ports;
    this.#told = told;
  }

  /** Follows until the signal aborts or the gateway refuses. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const start = await this.#hydrate(signal);
      if (start === null || !(await this.#follow(start, signal))) return;
    }
  }

  /** Reads the devices beside the stream. What it cannot read stays as it is. */
  async correct(): Promise<void> {
    for await (const answer of devicePages((query) => this.#ports.devices(query))) {
      const at = answer.ok ? parseCursor(answer.value.cursor) : null;
      if (!answer.ok || at === null || at.epoch !== this.#epoch) return;
      this.#told.corrected(answer.value.devices, at.seq);
    }
  }

  /** Every page, as of one epoch. The first page's cursor is where to follow from. */
  async #hydrate(signal: AbortSignal): Promise<Start | null> {
    while (!signal.aborted) {
      this.#told.hydrating();
      const start = await this.#pages();
      if (typeof start !== "string") {
        this.#told.hydrated();
        this.counts.hydrates++;
        return start;
      }
      this.#told.lost(start, HYDRATE_AGAIN_MS);
      await this.#ports.pause(HYDRATE_AGAIN_MS);
    }
    return null;
  }

  async #pages(): Promise<Start | string> {
    let start: Start | null = null;
    for await (const answer of devicePages((query) => this.#ports.devices(query))) {
      if (!answer.ok) return answer.message;
      const at = parseCursor(answer.value.cursor);
      if (at === null) return `/v1/devices has no cursor: ${answer.value.cursor}`;
      start ??= at;
      this.#told.page(answer.value.devices, at.seq);
    }
    return start ?? "/v1/devices has no page";
  }

  /** True: devices must be read again. */
  async #follow(start: Start, signal: AbortSignal): Promise<boolean> {
    this.counts.seq = Math.max(0, start.seq - LOOK_BACK_EVENTS);
    this.#epoch = start.epoch;
    const opened = (): void => this.#told.opened();
    const lost = (loss: Loss): void => this.#lost(loss);
    const events = this.#ports.follow({
      cursor: `${start.epoch}.${this.counts.seq}`,
      mode: "latest",
      signal,
      onHeard: () => this.#told.heard(),
      onConnect: opened,
      onReconnect: opened,
      onDisconnect: lost,
      onFailedAttempt: lost,
    });
    for await (const event of events) {
      if (this.#event(event, start)) return true;
      await this.#ports.breathe();
    }
    return false;
  }

  /** What is for good comes as an event, in its order. */
  #lost({ cause, reason, waitMs }: Loss): void {
    if (waitMs === null) return;
    if (cause === "age" || cause === "shutdown") this.#told.bye(cause);
    this.#told.lost(reason, waitMs);
  }

  #event(event: BerthEvent, start: Start): boolean {
    switch (event.event) {
      case "over":
        this.#told.refused(event.data.reason, event.data.cause);
        return false;
      case "resync":
        this.#told.again("resync", 0);
        return true;
      case "gap":
        return this.#gap(event.data, start);
      default:
        this.#journal(event.event, parseCursor(event.id)?.seq ?? 0, event.data, start);
        return false;
    }
  }

  /** What is missing from before the hydrate is in it. */
  #gap({ from, to, cause }: EventOf<"gap">["data"], start: Start): boolean {
    this.counts.seq = Math.max(this.counts.seq, to);
    if (to <= start.seq) return false;
    const events = to - Math.max(from, start.seq + 1) + 1;
    if (cause === "coalesced") {
      this.counts.coalesced += events;
      this.#told.leftOut(events);
      return false;
    }
    this.#told.again("gap", events);
    return true;
  }

  #journal(kind: string, seq: number, data: unknown, start: Start): void {
    if (seq <= this.counts.seq) {
      this.counts.doubled++;
      return;
    }
    // Nothing of devices is filtered: what is passed over was said on channels.
    this.counts.unseen += seq - this.counts.seq - 1;
    this.counts.seq = seq;
    const isNew = seq > start.seq;
    if (isNew) this.counts.events++;
    this.#told.event(kind, seq, data, isNew);
  }
}
