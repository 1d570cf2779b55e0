/** GET /healthz: the process is alive. GET /readyz: it can accept and commit, or says why not. */
import type { Hono } from "hono";
import { NoQuery } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { unavailable } from "./problem.ts";
import { strictQuery } from "./query.ts";

export function serveHealth(app: Hono, gateway: Gateway): void {
  app.get("/healthz", strictQuery(NoQuery), (c) => c.json({ status: "ok" }));
  app.get("/readyz", strictQuery(NoQuery), (c) => {
    const reason = gateway.notReady();
    return reason === null ? c.json({ status: "ok" }) : unavailable(reason);
  });
}
