/**
 * POST /v1/drain: closes the connections there are, at a rate, and reports as lines of JSON while it lasts. Ending the request
 * ends the drain. One at a time.
 */
import type { Hono } from "hono";
import * as v from "valibot";
import { LIMITS } from "../base/limits.ts";
import { NoQuery } from "./devices.ts";
import { DrainRun } from "./drain_run.ts";
import type { Gateway } from "./gateway.ts";
import { readBody } from "./body.ts";
import { problem, unavailable } from "./problem.ts";
import { strictQuery } from "./query.ts";

const numberIn = ({ min, max }: { readonly min: number; readonly max: number }) => {
  const expected = `a whole number from ${min} to ${max}`;
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(min, expected), v.maxValue(max, expected));
};

export const DrainBody = v.strictObject({
  rate: v.optional(v.pipe(numberIn(LIMITS.drainsPerSecond), v.description("Connections closed per second"))),
  timeoutMs: v.optional(
    v.pipe(numberIn(LIMITS.drainReturnMs), v.description("How long after the last close devices may take to come back")),
  ),
  stop: v.optional(v.pipe(v.boolean("true or false"), v.description("Refuse newcomers from now on, until a restart or another drain"))),
  open: v.optional(v.pipe(v.boolean("true or false"), v.description("Only admit newcomers again; closes nothing"))),
});

export function serveDrain(app: Hono, gateway: Gateway, now: () => number = () => performance.now()): void {
  app.post("/v1/drain", strictQuery(NoQuery), async (c) => {
    const { limits } = gateway.settings;
    const body = await readBody(c, DrainBody);
    if (!body.ok) return body.answer;
    const { rate = limits.drainsPerSecond, timeoutMs = limits.drainReturnMs, stop = false, open = false } = body.value;
    if (!gateway.accepting) return unavailable("the gateway is stopping");
    if (open) {
      const answer = await gateway.order("drain", "", "open");
      return answer.kind === "busy" ? unavailable(answer.reason) : c.json({ open: true });
    }
    if (!gateway.beginDrain()) return problem(409, "Cannot drain: a drain is under way");
    const report = new DrainRun(gateway, { perSecond: rate, returnMs: timeoutMs, shut: stop }, now).report();
    let running = true;
    const ended = (): void => {
      // Once: by then another one may be under way.
      if (running) gateway.endDrain();
      running = false;
    };
    return new Response(bodyOf(report, ended), { headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" } });
  });
}

/** Pulled: a client that does not read halts the drain, one that goes away cancels it. */
function bodyOf(report: AsyncGenerator<string>, ended: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await report.next().catch((error: unknown) => {
        ended();
        throw error;
      });
      if (next.done !== true) return controller.enqueue(encoder.encode(next.value));
      ended();
      controller.close();
    },
    async cancel() {
      await report.return(undefined);
      ended();
    },
  }, { highWaterMark: 0 });
}
