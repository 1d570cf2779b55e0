/**
 * How the page keeps up with the journal: reads every device, follows the events after, resumes by cursor after a loss, and
 * reads every device again when the gateway says that something is missing (`gap`) or that the cursor is none of its own
 * (`resync`). Owned by the page; what it is given is called in the order of the journal.
 */
import { parseCursor } from "../../../broker/cursor.ts";
import type { Result } from "../../../base/result.ts";
import type { StreamNews, StreamOptions } from "../../../client/event_stream.ts";
import type { DeviceJson } from "../../schema.ts";

/** What a feed tells the page. */
export interface Told {
  hydrating(): void;
  page(devices: readonly DeviceJson[], seq: number): void;
  hydrated(): void;
  opened(): void;
  heard(): void;
  /** `isNew`: after the hydrate; false for events asked for only to show what was before. */
  event(kind: string, seq: number, data: unknown, isNew: boolean): void;
  lost(reason: string, waitMs: number): void;
  refused(reason: string): void;
  /** The gateway ends the stream in order. */
  bye(reason: string): void;
  /** Devices are read again. `missing`: events that are kept no more. */
  again(why: "gap" | "resync", missing: number): void;
}

export interface FeedPorts {
  getJson(path: string): Promise<Result<unknown, string>>;
  eventStream(path: string, options: Pick<StreamOptions, "lastEventId" | "signal" | "heard">): ReadableStream<StreamNews>;
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
  /** Never came, and nothing said so. */
  missing: number;
  hydrates: number;
}

/** As many as the gateway holds in memory: they cost it no read, and give takeovers and trails from the start. */
const LOOK_BACK_EVENTS = 2000;
const PAGE_DEVICES = 1000;
const HYDRATE_AGAIN_MS = 2000;

interface DevicesJson {
  readonly cursor: string;
  readonly devices: readonly DeviceJson[];
  readonly next: string | null;
}

interface Start {
  readonly epoch: string;
  readonly seq: number;
}

export class Feed {
  readonly counts: FeedCounts = { events: 0, seq: 0, doubled: 0, missing: 0, hydrates: 0 };
  readonly #ports: FeedPorts;
  readonly #told: Told;

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
    for (let after: string | null = "";;) {
      const query: string = after === "" ? "" : `&after=${after}`;
      const answer = await this.#ports.getJson(`/v1/devices?limit=${PAGE_DEVICES}${query}`);
      if (!answer.ok) return answer.message;
      const { cursor, devices, next } = answer.value as DevicesJson;
      const at = parseCursor(cursor);
      if (at === null) return `/v1/devices has no cursor: ${cursor}`;
      start ??= at;
      if (at.epoch !== start.epoch) return "the store was changed while devices were read";
      this.#told.page(devices, at.seq);
      if (next === null) return start;
      after = next;
    }
  }

  /** True: devices must be read again. */
  async #follow(start: Start, outer: AbortSignal): Promise<boolean> {
    const control = new AbortController();
    const abort = (): void => control.abort();
    outer.addEventListener("abort", abort, { once: true });
    this.counts.seq = Math.max(0, start.seq - LOOK_BACK_EVENTS);
    const stream = this.#ports.eventStream("/v1/events", {
      lastEventId: `${start.epoch}.${this.counts.seq}`,
      signal: control.signal,
      heard: () => this.#told.heard(),
    });
    const reader = stream.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        if (this.#news(next.value, start)) return true;
        await this.#ports.breathe();
      }
      return false;
    } finally {
      outer.removeEventListener("abort", abort);
      control.abort();
      reader.cancel().catch(() => {});
    }
  }

  #news(news: StreamNews, start: Start): boolean {
    switch (news.type) {
      case "open":
        this.#told.opened();
        return false;
      case "lost":
        this.#told.lost(news.reason, news.waitMs);
        return false;
      case "refused":
        this.#told.refused(news.reason);
        return false;
      case "event":
        return this.#event(news.event, news.id, JSON.parse(news.data), start);
    }
  }

  #event(kind: string, id: string, data: unknown, start: Start): boolean {
    switch (kind) {
      case "bye":
        this.#told.bye((data as { reason?: string }).reason ?? "");
        return false;
      case "resync":
        this.#told.again("resync", 0);
        return true;
      case "gap":
        return this.#gap(data as { from: number; to: number }, start);
      default:
        this.#journal(kind, parseCursor(id)?.seq ?? 0, data, start);
        return false;
    }
  }

  /** What is missing from before the hydrate is in it. */
  #gap({ from, to }: { readonly from: number; readonly to: number }, start: Start): boolean {
    this.counts.seq = Math.max(this.counts.seq, to);
    if (to <= start.seq) return false;
    this.#told.again("gap", to - Math.max(from, start.seq + 1) + 1);
    return true;
  }

  #journal(kind: string, seq: number, data: unknown, start: Start): void {
    if (seq <= this.counts.seq) {
      this.counts.doubled++;
      return;
    }
    // Nothing is filtered, so each seq follows the one before.
    this.counts.missing += seq - this.counts.seq - 1;
    this.counts.seq = seq;
    const isNew = seq > start.seq;
    if (isNew) this.counts.events++;
    this.#told.event(kind, seq, data, isNew);
  }
}
