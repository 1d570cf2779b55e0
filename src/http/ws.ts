/**
 * GET /v1/ws: events and channels over a WebSocket. Who may come is decided before the upgrade, by the middlewares of every route; what
 * is said after it is in ws_session.ts. Owned by an http thread.
 */
import type { Hono } from "hono";
import { NoQuery } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { strictQuery } from "./query.ts";
import { envOf, grantOf } from "./request_env.ts";
import { WsSession } from "./ws_session.ts";

/** Sockets are looked at this often, and a few times in the shortest of their times. */
const LOOK_MS = 1000;

export function serveWs(app: Hono, gateway: Gateway): void {
  const { limits } = gateway.settings;
  const sessions = new Set<WsSession>();
  let timer: ReturnType<typeof setInterval> | null = null;
  const lookMs = Math.min(LOOK_MS, limits.heartbeatMs / 4, limits.socketPingMs / 4, limits.socketDeadMs / 4, limits.byeMs / 4);
  const look = (): void => {
    for (const session of sessions) session.look();
  };
  /** Nobody to look at: a timer left behind would keep the thread at the end of a shutdown. */
  const gone = (session: WsSession): void => {
    sessions.delete(session);
    if (sessions.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
  app.get("/v1/ws", strictQuery(NoQuery), (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket" || c.req.raw.method !== "GET") {
      return problem(426, "Cannot answer: expected the opening of a WebSocket", {
        headers: { upgrade: "websocket", connection: "upgrade" },
      });
    }
    if (!gateway.accepting) return unavailable("the gateway is stopping");
    if (gateway.sockets.total >= limits.sockets) return unavailable("too many WebSockets");
    const session = new WsSession({
      gateway,
      grant: grantOf(c),
      mono: () => performance.now(),
      wall: () => Date.now(),
      maxAgeMs: gateway.streamAgeMs(),
      gone,
    });
    sessions.add(session);
    if (envOf(c).upgrade?.(session) !== true) {
      gone(session);
      return problem(400, "Cannot open a WebSocket: the request is no valid opening of one");
    }
    timer ??= setInterval(look, lookMs);
    // Not sent: the connection is a WebSocket now.
    return new Response(null, { status: 204 });
  });
}
