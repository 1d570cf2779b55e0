/**
 * Follows `GET /v1/events` of a gateway for as long as the caller reads: reconnects with the cursor it has, waits longer
 * each time, and takes a silent connection for a dead one. Runs on any thread with an event loop.
 */
import { TextLineStream } from "@std/streams/text-line-stream";
import { createParser } from "eventsource-parser";
import { bearer, problemText, reasonOf } from "./rest.ts";

export interface StreamEvent {
  readonly type: "event";
  /** The cursor after it, `EPOCH.SEQ`; "" before the first. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export type StreamNews =
  | StreamEvent
  | { readonly type: "open" }
  /** The connection is gone or was not made; the next attempt follows after `waitMs`. */
  | { readonly type: "lost"; readonly reason: string; readonly waitMs: number }
  /** The gateway will not serve this request, now or later. Nothing follows. */
  | { readonly type: "refused"; readonly status: number; readonly reason: string };

export interface StreamOptions {
  /** Cursor to go on after; null: from now on. */
  readonly lastEventId: string | null;
  readonly signal: AbortSignal;
  /** Uniform in [0, 1): jitter. */
  readonly random: () => number;
  /** Called whenever the gateway was heard, heartbeats included. */
  readonly heard?: () => void;
  readonly token?: string | undefined;
  /** A connection that is silent for longer is dead. Default: three heartbeats of a gateway with defaults. */
  readonly silentMs?: number;
}

const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 30_000;
const SILENT_MS = 45_000;
/** One event; a record is about 1 KiB. */
const EVENT_CHARS_MAX = 4 * 1024 * 1024;
const CURSOR = /^[A-Za-z0-9_-]{1,64}\.\d{1,16}$/;

/** What one reconnecting stream remembers from connection to connection. */
interface Memory {
  cursor: string | null;
  /** What `retry:` asked for. */
  baseMs: number;
  failures: number;
}

/** Full jitter: anywhere between nothing and twice as long as the last time. */
export function backoffMs(memory: Readonly<Pick<Memory, "baseMs" | "failures">>, random: () => number): number {
  return Math.round(random() * Math.min(BACKOFF_MAX_MS, memory.baseMs * 2 ** memory.failures));
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

/** A signal that also aborts when `alive` was not called for so long. A busy stream calls it thousands of times a second. */
function silence(outer: AbortSignal, silentMs: number): { signal: AbortSignal; alive: () => void; end: () => void } {
  const control = new AbortController();
  const abort = (): void => control.abort(outer.reason);
  let heardAt = performance.now();
  const look = (): void => {
    const leftMs = heardAt + silentMs - performance.now();
    if (leftMs <= 0) control.abort(new Error(`nothing was heard for ${silentMs} ms`));
    else timer = setTimeout(look, leftMs);
  };
  outer.addEventListener("abort", abort, { once: true });
  let timer = setTimeout(look, silentMs);
  const end = (): void => (clearTimeout(timer), outer.removeEventListener("abort", abort), control.abort());
  const alive = (): void => void (heardAt = performance.now());
  return { signal: control.signal, alive, end };
}

/** Events of one connection. Heartbeats move the cursor: they are comments that repeat it. */
async function* readEvents(
  body: ReadableStream<Uint8Array>,
  memory: Memory,
  alive: () => void,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const ready: StreamEvent[] = [];
  const parser = createParser({
    maxBufferSize: EVENT_CHARS_MAX,
    onEvent: ({ id, event, data }) => {
      if (id !== undefined) memory.cursor = id;
      ready.push({ type: "event", id: memory.cursor ?? "", event: event ?? "message", data });
    },
    onComment: (text) => {
      if (CURSOR.test(text)) memory.cursor = text;
    },
    onRetry: (ms) => void (memory.baseMs = ms),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") throw error;
    },
  });
  const text = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>);
  // Not every browser can iterate a stream.
  const lines = text.pipeThrough(new TextLineStream({ allowCR: true })).getReader();
  const cancel = (): void => void lines.cancel().catch(() => {});
  // Deno forgets, now and then, that the body of an answer ends with the signal of its request.
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (let next = await lines.read(); !next.done; next = await lines.read()) {
      alive();
      parser.feed(`${next.value}\n`);
      yield* ready.splice(0);
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

/** 4xx says the request is wrong: it will be next time too. */
const isFinal = (status: number): boolean => (status >= 400 && status < 500 && status !== 408 && status !== 429) || status === 501;

async function* connectOnce(url: string, memory: Memory, options: StreamOptions): AsyncGenerator<StreamNews, "again" | "never"> {
  const quiet = silence(options.signal, options.silentMs ?? SILENT_MS);
  let reason = "the gateway ended the stream";
  let atLeastMs = 0;
  try {
    const headers: Record<string, string> = { accept: "text/event-stream", "cache-control": "no-store", ...bearer(options.token) };
    if (memory.cursor !== null) headers["last-event-id"] = memory.cursor;
    const response = await fetch(url, { headers, signal: quiet.signal });
    const heard = (): void => (quiet.alive(), options.heard?.());
    if (!response.ok || response.body === null) {
      reason = await problemText(response);
      if (isFinal(response.status)) {
        yield { type: "refused", status: response.status, reason };
        return "never";
      }
      atLeastMs = 1000 * (Number(response.headers.get("retry-after")) || 0);
    } else {
      yield { type: "open" };
      for await (const event of readEvents(response.body, memory, heard, quiet.signal)) {
        memory.failures = 0;
        yield event;
      }
    }
  } catch (error) {
    reason = reasonOf(error);
  } finally {
    quiet.end();
  }
  if (options.signal.aborted) return "never";
  const waitMs = Math.max(backoffMs(memory, options.random), Math.min(atLeastMs, BACKOFF_MAX_MS));
  memory.failures++;
  yield { type: "lost", reason, waitMs };
  await pause(waitMs, options.signal);
  return options.signal.aborted ? "never" : "again";
}

/** `url`: the whole address with its filters. Ends when the signal aborts, the caller leaves, or after `refused`. */
async function* followEvents(url: string, options: StreamOptions): AsyncGenerator<StreamNews> {
  const memory: Memory = { cursor: options.lastEventId, baseMs: BACKOFF_MIN_MS, failures: 0 };
  while ((yield* connectOnce(url, memory, options)) === "again");
}

/** The same as a stream. Cancelling it ends the connection. */
export function eventStream(url: string, options: StreamOptions): ReadableStream<StreamNews> {
  const news = followEvents(url, options);
  return new ReadableStream<StreamNews>({
    async pull(controller) {
      const next = await news.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: async () => void (await news.return(undefined)),
  }, { highWaterMark: 0 });
}
