/** POST /v1/devices/{id}/kick: ends a device's connections. What they still have in flight is refused; it may come back at once. */
import type { Hono } from "hono";
import { DEVICE_ID, NoQuery, unknownDevice } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { strictQuery } from "./query.ts";

export function serveKick(app: Hono, gateway: Gateway): void {
  app.post("/v1/devices/:id/kick", strictQuery(NoQuery), async (c) => {
    const id = c.req.param("id");
    if (!DEVICE_ID.test(id)) return unknownDevice(id);
    const answer = await gateway.order("kick", id, "");
    if (answer.kind === "busy") return unavailable(answer.reason);
    switch (answer.outcome) {
      case "done":
        return new Response(null, { status: 204 });
      case "unknown":
        return unknownDevice(id);
      case "not_connected":
      case "refused":
        return problem(409, `Cannot kick ${id}: it is not connected`);
    }
  });
}
