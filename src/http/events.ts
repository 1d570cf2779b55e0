/** GET /v1/events: the journal as server-sent events, resumed by cursor. The bytes are made by the broker. */
import type { Hono } from "hono";
import * as v from "valibot";
import { type Filter, filterOf, parseFilter } from "../broker/filter.ts";
import { MODES } from "../broker/port.ts";
import { EVENT_KINDS } from "../store/entry.ts";
import type { Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { envOf, grantOf, visibleTo } from "./request_env.ts";
import { oneOf, query, strictQuery, text, texts } from "./query.ts";

/** Kinds a filter may name. */
export const KINDS = ["record", ...EVENT_KINDS.slice(1)] as const;

export const EventsQuery = query({
  device: v.optional(texts("device ids")),
  kind: v.optional(texts("kinds of events")),
  channel: v.optional(texts("channels")),
  last_event_id: v.optional(v.union([text("a cursor"), v.literal("")])),
  mode: v.optional(oneOf(MODES), "complete"),
});

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };
/** Of a stream whose token was revoked. */
const BYE = new TextEncoder().encode('event: bye\ndata: {"reason":"auth"}\n\n');

export function serveEvents(app: Hono, gateway: Gateway): void {
  app.get("/v1/events", strictQuery(EventsQuery), (c) => {
    const { device = [], kind = [], channel = [], last_event_id: fromQuery, mode } = c.req.valid("query");
    const filter = parseFilter({ device, kind, channel }, KINDS);
    if (!filter.ok) {
      return problem(400, `Cannot use ${filter.fault}: ${filter.message}`, { parameter: filter.fault });
    }
    const seen = onlyVisible(filter.value, visibleTo(c));
    if (seen === null) return problem(403, "Cannot use device: the token is for other devices", { parameter: "device" });
    if (c.req.raw.method === "HEAD") return new Response(null, { headers: HEADERS });
    if (!gateway.accepting) return unavailable("the gateway is stopping");
    const cursor = c.req.header("last-event-id") ?? fromQuery ?? null;
    const { cut } = envOf(c);
    let forget = (): void => {};
    const stream = gateway.subscribe(
      { cursor, mode },
      seen,
      cut,
      () => forget(),
      channel.flatMap((names) => names.split(",")).filter((name) => name !== ""),
    );
    if (stream === null) return unavailable("too many subscriptions");
    // Its token may be revoked, whether the client takes anything or not.
    forget = gateway.access.whileValid(grantOf(c).token, () => {
      stream.end(BYE);
      cut();
    });
    c.req.raw.signal.addEventListener("abort", () => stream.close(), { once: true });
    return new Response(stream.body, { headers: HEADERS });
  });
}

/** What of a filter who asks may see; null: they ask for what they may not. */
function onlyVisible(filter: Filter, visible: ReadonlySet<string> | null): Filter | null {
  if (visible === null) return filter;
  if (filter.channels !== null && filter.channels.size > 0) return null;
  const kinds = filter.kinds === null ? null : [...filter.kinds];
  if (filter.devices === null) return filterOf([...visible], kinds);
  return [...filter.devices].every((device) => visible.has(device)) ? filter : null;
}
