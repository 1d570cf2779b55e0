/** An SSE consumer written from the WHATWG text: every event, every comment, and the last event id as EventSource keeps it. */
import { Changes, PATIENCE_MS } from "./until.ts";

export interface SseEvent {
  /** The last event id at the time of dispatch. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export class SseParser {
  /** The last event id, which also moves on a block without data. */
  lastId = "";
  retryMs: number | null = null;
  readonly comments: string[] = [];
  readonly events: SseEvent[] = [];
  /** How often a block held an id and no data. */
  idOnlyBlocks = 0;
  #text = "";
  #id: string | null = null;
  #event = "";
  #data: string[] = [];

  push(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      this.#line(this.#text.slice(0, end).replace(/\r$/, ""));
      this.#text = this.#text.slice(end + 1);
    }
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) {
      this.comments.push(line.slice(1).trim());
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(): void {
    if (this.#id !== null) this.lastId = this.#id;
    if (this.#data.length > 0) this.events.push({ id: this.lastId, event: this.#event || "message", data: this.#data.join("\n") });
    else if (this.#id !== null) this.idOnlyBlocks++;
    this.#id = null;
    this.#event = "";
    this.#data = [];
  }
}

/** A cursor's two parts. @throws Error when it is not EPOCH.SEQ. */
export function cursorParts(cursor: string): { epoch: string; seq: number } {
  const match = /^(.+)\.(\d+)$/.exec(cursor);
  if (match === null) throw new Error(`Cannot read cursor "${cursor}": expected EPOCH.SEQ`);
  return { epoch: match[1]!, seq: Number(match[2]) };
}

export class SseConsumer {
  readonly status: number;
  readonly headers: Headers;
  /** True once the gateway ended the stream. */
  closed = false;
  readonly #parser = new SseParser();
  readonly #changes = new Changes();
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.status = response.status;
    this.headers = response.headers;
    this.#abort = abort;
    void this.#follow(response.body);
  }

  /** `path` like `/v1/events?device=…`; `lastEventId` goes into the header. */
  static async open(url: string, path = "/v1/events", lastEventId: string | null = null): Promise<SseConsumer> {
    const abort = new AbortController();
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (lastEventId !== null) headers["last-event-id"] = lastEventId;
    return new SseConsumer(await fetch(url + path, { headers, signal: abort.signal }), abort);
  }

  get events(): readonly SseEvent[] {
    return this.#parser.events;
  }
  get comments(): readonly string[] {
    return this.#parser.comments;
  }
  get lastId(): string {
    return this.#parser.lastId;
  }
  get idOnlyBlocks(): number {
    return this.#parser.idOnlyBlocks;
  }
  get retryMs(): number | null {
    return this.#parser.retryMs;
  }

  of(event: string): SseEvent[] {
    return this.events.filter((each) => each.event === event);
  }

  /** Resolves when `check` gives something other than false. Asked again after every piece that arrives. */
  until<T>(what: string, check: () => T | false, timeoutMs = PATIENCE_MS): Promise<T> {
    return this.#changes.until(`${what} (${this.events.length} events so far)`, () => {
      const value = check();
      return value === false ? undefined : value;
    }, timeoutMs);
  }

  close(): void {
    this.#abort.abort();
  }

  async #follow(body: ReadableStream<Uint8Array> | null): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const piece of body ?? []) {
        this.#parser.push(decoder.decode(piece, { stream: true }));
        this.#changes.changed();
      }
    } catch {
      // Aborted by close(), or the gateway died: both are an end.
    }
    this.closed = true;
    this.#changes.changed();
  }
}
