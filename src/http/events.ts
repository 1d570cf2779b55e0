/** GET /v1/events: the journal as server-sent events, resumed by cursor. The bytes are made by the broker. */
import type { Context, Hono } from "hono";
import * as v from "valibot";
import { parseFilter } from "../broker/filter.ts";
import { EVENT_KINDS } from "../store/entry.ts";
import type { EventStream, Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { query, strictQuery, text, texts } from "./query.ts";

/** Kinds a filter may name. */
export const KINDS = ["record", ...EVENT_KINDS.slice(1)] as const;

export const EventsQuery = query({
  device: v.optional(texts("device ids")),
  kind: v.optional(texts("kinds of events")),
  channel: v.optional(texts("channels")),
  last_event_id: v.optional(v.union([text("a cursor"), v.literal("")])),
  mode: v.optional(v.picklist(["complete", "latest"], "complete")),
});

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };

export function serveEvents(app: Hono, gateway: Gateway): void {
  app.get("/v1/events", strictQuery(EventsQuery), (c) => {
    const { device = [], kind = [], channel = [], last_event_id: fromQuery, mode } = c.req.valid("query");
    if (mode === "latest") return problem(501, "mode=latest is not built yet", { parameter: "mode" });
    const filter = parseFilter({ device, kind, channel }, KINDS);
    if (!filter.ok) {
      const parameter = filter.fault === "channel_not_built" ? "channel" : filter.fault;
      return problem(filter.fault === "channel_not_built" ? 501 : 400, `Cannot use ${parameter}: ${filter.message}`, { parameter });
    }
    if (c.req.raw.method === "HEAD") return new Response(null, { headers: HEADERS });
    if (!gateway.accepting) return unavailable("the gateway is stopping");
    const cursor = c.req.header("last-event-id") ?? fromQuery ?? null;
    const stream = gateway.subscribe(cursor, filter.value, cutOf(c));
    if (stream === null) return unavailable("too many subscriptions");
    c.req.raw.signal.addEventListener("abort", () => stream.close(), { once: true });
    return new Response(bodyOf(stream), { headers: HEADERS });
  });
}

/** Pulled, never pushed: what the client does not take stays with the broker, which bounds it. */
function bodyOf(stream: EventStream): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const bytes = await stream.next();
      if (bytes === null) controller.close();
      else controller.enqueue(bytes);
    },
    cancel() {
      stream.close();
    },
  }, { highWaterMark: 0 });
}

function cutOf(c: Context): () => void {
  const { cut } = c.env as { cut?: () => void };
  return cut ?? (() => {});
}
