/**
 * What every answer has. It says what is now, perhaps to one token, so no cache may keep it unless it says otherwise; and one to HEAD has
 * the length that GET's has, where the runtime would say 0.
 */
import type { Hono } from "hono";

export function finishAnswers(app: Hono): void {
  app.use(async (c, next) => {
    await next();
    const { status, headers } = c.res;
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    // A body is not looked at otherwise: a stream may be of the runtime's own kind.
    if (c.req.method !== "HEAD" || c.res.body === null) return;
    headers.set("content-length", String((await c.res.arrayBuffer()).byteLength));
    c.res = new Response(null, { status, headers });
  });
}
