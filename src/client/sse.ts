/**
 * Server-sent events by fetch: headers can be set, the answer's status is known, and what is not read waits in the network. Runs on any
 * thread with an event loop.
 */
import { createParser } from "eventsource-parser";
import { retryAfterOf } from "./backoff.ts";
import { causeOfStatus } from "./loss.ts";
import { bearer, problemText, reasonOf } from "./rest.ts";
import type { Listener, OpenTransport } from "./transport.ts";

/** One event; a record is about 1 KiB. */
const EVENT_CHARS_MAX = 4 * 1024 * 1024;
const CURSOR = /^[A-Za-z0-9_-]{1,64}\.\d{1,16}$/;
/** A stream has one cursor, whatever its filter. */
export const WHOLE = "";

/** `url`: the whole address with its filters. */
export const openSse = (url: string, token: () => string | undefined): OpenTransport => (cursors, listener) => {
  const control = new AbortController();
  void follow(url, token(), cursors.get(WHOLE) ?? null, listener, control.signal);
  return { drop: () => control.abort(), ask: () => {}, subscribe: () => {}, unsubscribe: () => {} };
};

async function follow(
  url: string,
  token: string | undefined,
  cursor: string | null,
  listener: Listener,
  signal: AbortSignal,
): Promise<void> {
  let isOpen = false;
  try {
    const headers: Record<string, string> = { accept: "text/event-stream", ...bearer(token) };
    if (cursor !== null) headers["last-event-id"] = cursor;
    const response = await fetch(url, { headers, signal, cache: "no-store" });
    if (!response.ok || response.body === null) return await refused(response, listener, signal);
    isOpen = true;
    listener.said({ type: "opened" });
    await readAll(response.body, listener, signal);
    if (!signal.aborted) listener.said({ type: "failed", cause: "broken", reason: "the gateway ended the stream" });
  } catch (error) {
    if (!signal.aborted) listener.said({ type: "failed", cause: isOpen ? "broken" : "unreachable", reason: reasonOf(error) });
  }
}

async function refused(response: Response, listener: Listener, signal: AbortSignal): Promise<void> {
  const reason = await problemText(response);
  if (signal.aborted) return;
  const { status } = response;
  const retryAfterMs = retryAfterOf(response.headers.get("retry-after"), Date.now());
  listener.said({ type: "failed", cause: causeOfStatus(status), reason, status, retryAfterMs });
}

async function readAll(body: ReadableStream<Uint8Array>, listener: Listener, signal: AbortSignal): Promise<void> {
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  // Deno forgets, now and then, that the body of an answer ends with the signal of its request.
  signal.addEventListener("abort", cancel, { once: true });
  const parser = parserOf(listener, signal);
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const room = listener.room();
      if (room !== null) await room;
      if (signal.aborted) return;
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      listener.said({ type: "heard" });
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

/** Heartbeats move the cursor: they are comments that repeat it. */
function parserOf(listener: Listener, signal: AbortSignal): { feed(text: string): void } {
  return createParser({
    maxBufferSize: EVENT_CHARS_MAX,
    onEvent: ({ id, event = "message", data: text }) => {
      if (signal.aborted) return;
      const data: unknown = JSON.parse(text);
      if (event === "bye") return listener.said({ type: "bye", reason: (data as { readonly reason?: string } | null)?.reason ?? "" });
      listener.said({ type: "event", channel: WHOLE, id: id ?? null, event, data }, text.length);
    },
    onComment: (text) => {
      if (CURSOR.test(text) && !signal.aborted) listener.said({ type: "position", channel: WHOLE, id: text });
    },
    onRetry: (ms) => listener.said({ type: "retry", ms }),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") throw error;
    },
  });
}
