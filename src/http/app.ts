/** The HTTP application: every route of the interface over the gateway it is given. Owned by an http thread. */
import { Hono } from "hono";
import { AssertionError } from "../base/assert.ts";
import { type HttpHandler, SqlError } from "../platform/port.ts";
import { exposition } from "../telemetry/exposition.ts";
import { requireTokens } from "./access.ts";
import { finishAnswers } from "./answers.ts";
import { serveCommands } from "./commands.ts";
import { serveAllow } from "./allow.ts";
import { serveConflicts } from "./conflicts.ts";
import { serveDashboard } from "./dashboard/assets.ts";
import { serveDeviceConfig } from "./device_config.ts";
import { serveDeviceStream } from "./device_stream.ts";
import { NoQuery, serveDevices } from "./devices.ts";
import { serveDrain } from "./drain.ts";
import { serveEvents } from "./events.ts";
import { serveFrames } from "./frames.ts";
import type { Gateway } from "./gateway.ts";
import { serveHealth } from "./health.ts";
import { serveHistory } from "./history.ts";
import { serveKick } from "./kick.ts";
import { openApiDocument } from "./openapi.ts";
import { OPERATIONS } from "./operations.ts";
import { guardOrigins } from "./origins.ts";
import { servePolicies } from "./policies.ts";
import { problem, unavailable } from "./problem.ts";
import { servePublish } from "./publish.ts";
import { strictQuery } from "./query.ts";
import { serveQuarantine } from "./quarantine.ts";
import { serveRecords } from "./records.ts";
import type { RequestEnv } from "./request_env.ts";
import { serveTokens } from "./tokens.ts";
import { serveWs } from "./ws.ts";

export function createApp(gateway: Gateway): HttpHandler {
  const app = new Hono();
  finishAnswers(app);
  app.use(async (c, next) => {
    const bytes = Number(c.req.header("content-length") ?? 0);
    const { requestBytes } = gateway.settings.limits;
    if (bytes > requestBytes) c.res = problem(413, `A body of ${bytes} bytes exceeds ${requestBytes}`);
    else await next();
    gateway.countRequest(c.res.status);
  });
  guardOrigins(app, gateway);
  requireTokens(app, gateway);
  app.onError((error) => {
    // A broken invariant is never caught: it ends the thread, which says so. Anything else costs one request.
    if (error instanceof AssertionError) {
      queueMicrotask(() => {
        throw error;
      });
    }
    if (error instanceof SqlError) return unavailable(`it cannot be kept: ${error.code}`);
    return problem(500, `Cannot answer: ${error.message}`);
  });
  app.notFound((c) => problem(404, `There is no ${c.req.path}`));
  serveDashboard(app, gateway);
  serveHealth(app, gateway);
  serveMetrics(app, gateway);
  app.get("/openapi.json", strictQuery(NoQuery), (c) => c.json(openApiDocument()));
  serveDevices(app, gateway);
  serveRecords(app, gateway);
  serveFrames(app, gateway);
  serveHistory(app, gateway);
  serveConflicts(app, gateway);
  serveQuarantine(app, gateway);
  serveCommands(app, gateway);
  serveDeviceConfig(app, gateway);
  serveDeviceStream(app, gateway);
  serveEvents(app, gateway);
  serveWs(app, gateway);
  servePublish(app, gateway);
  serveKick(app, gateway);
  serveDrain(app, gateway);
  servePolicies(app, gateway);
  serveTokens(app, gateway);
  serveAllow(app, gateway);
  serveWrongMethods(app);
  return (request, peer, cut, upgrade) => app.fetch(request, { peer, cut, upgrade, grant: null } satisfies RequestEnv);
}

function serveMetrics(app: Hono, gateway: Gateway): void {
  const metrics = exposition(gateway.counterMemory);
  app.get("/metrics", strictQuery(NoQuery), async (c) => {
    const openMetrics = (c.req.header("accept") ?? "").includes("application/openmetrics-text");
    const { contentType, body } = metrics(openMetrics);
    return c.body(await body, 200, { "content-type": contentType, "cache-control": "no-store" });
  });
}

/** A path that is there with a method that is not: 405 naming those that are. */
function serveWrongMethods(app: Hono): void {
  const methods = new Map<string, string[]>();
  for (const { method, path } of OPERATIONS) methods.set(path, [...(methods.get(path) ?? []), (method ?? "get").toUpperCase()]);
  for (const [path, allowed] of methods) {
    const allow = (allowed.includes("GET") ? ["HEAD", ...allowed] : allowed).toSorted().join(", ");
    app.all(
      path.replaceAll(/\{(\w+)\}/g, ":$1"),
      (c) => problem(405, `Cannot ${c.req.method} ${c.req.path}: expected ${allow}`, { headers: { allow } }),
    );
  }
}
