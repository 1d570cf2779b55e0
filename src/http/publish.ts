/** POST /v1/publish: a message on an application channel, answered when it is on the disk. GET /v1/channels/{name}: who listens. */
import type { Hono } from "hono";
import * as v from "valibot";
import { assertNever } from "../base/assert.ts";
import { CHANNELS_ALLOWED, NAME, parseChannel } from "../broker/channel.ts";
import { readBody } from "./body.ts";
import { NoQuery } from "./devices.ts";
import type { Gateway, Published } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { strictQuery } from "./query.ts";
import { jsonOf } from "./ws_message.ts";

const CHANNEL = "app.NAME of letters, digits and _ . : -, up to 256 in all";
export const PublishBody = v.strictObject({
  channel: v.pipe(v.string(CHANNEL), v.check((name) => NAME.test(name) && parseChannel(name)?.kind === "app", CHANNEL)),
  data: v.unknown(),
});
export const ChannelSchema = v.object({
  channel: v.string(),
  subscribers: v.pipe(v.number(), v.description("Subscriptions that name the channel, event streams and WebSockets")),
});

export function servePublish(app: Hono, gateway: Gateway): void {
  const { messageBytes, requestTimeoutMs } = gateway.settings.limits;
  app.post("/v1/publish", strictQuery(NoQuery), async (c) => {
    const body = await readBody(c, PublishBody);
    if (!body.ok) return body.answer;
    const { channel } = body.value;
    const data = jsonOf(body.value.data);
    if (data === null) return problem(400, "Cannot use data: it is nested too deep", { parameter: "data" });
    const how = await inTime(gateway, channel, data, requestTimeoutMs);
    switch (how) {
      case "kept":
        return new Response(null, { status: 202 });
      case "too_long":
        return problem(413, `Cannot publish: data exceeds ${messageBytes} bytes`, { parameter: "data" });
      case "busy":
        return unavailable("too many messages are waiting, or commits fail");
      case "failed":
        return unavailable("the commit failed: the message is not kept");
      case "late":
        return unavailable("the message was not kept in time; it may be all the same");
      default:
        return assertNever(how, "outcome");
    }
  });
  app.get("/v1/channels/:name", strictQuery(NoQuery), (c) => {
    const channel = c.req.param("name");
    if (!NAME.test(channel) || parseChannel(channel) === null) {
      return problem(404, `There is no channel ${JSON.stringify(channel.slice(0, 256))}: expected ${CHANNELS_ALLOWED}`);
    }
    return c.json({ channel, subscribers: gateway.subscribersOf(channel) });
  });
}

function inTime(gateway: Gateway, channel: string, data: string, waitMs: number): Promise<Published | "late"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve("late"), waitMs);
    gateway.publish(channel, data, (how) => {
      clearTimeout(timer);
      resolve(how);
    });
  });
}
