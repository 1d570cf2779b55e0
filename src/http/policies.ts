/**
 * PUT /v1/policies/{class} and /v1/devices/{id}/policy: which connection wins, for admissions from now on. A change lasts until
 * the gateway ends; what is to last longer stands in the configuration.
 */
import type { Hono } from "hono";
import * as v from "valibot";
import { spelled } from "../base/identity.ts";
import { policiesAllowed } from "../wire/policy.ts";
import { readBody } from "./body.ts";
import { DEVICE_ID, NoQuery, unknownDevice } from "./devices.ts";
import type { Gateway } from "./gateway.ts";
import { problem, unavailable } from "./problem.ts";
import { strictQuery } from "./query.ts";

const expected = "an object with policy, a text";
const policyText = v.pipe(v.string("a text"), v.description("takeover, reject, initiator, recent or multi(N)"));
export const ClassPolicySchema = v.strictObject({ policy: policyText }, expected);
export const DevicePolicySchema = v.strictObject(
  { policy: v.pipe(v.nullable(policyText, null), v.description("null: its class decides again")) },
  expected,
);
const CLASS = /^[a-z0-9_-]{1,32}$/;

export function servePolicies(app: Hono, gateway: Gateway): void {
  const cannotUse = (): Response =>
    problem(400, `Cannot use policy: expected ${policiesAllowed(gateway.settings.limits.connectionsPerDevice)}`, { parameter: "policy" });

  app.put("/v1/policies/:class", strictQuery(NoQuery), async (c) => {
    const name = c.req.param("class");
    const body = await readBody(c, ClassPolicySchema);
    if (!body.ok) return body.answer;
    if (!CLASS.test(name)) return unknownClass(name);
    const done = await gateway.order("class_policy", name, body.value.policy);
    if (done.kind === "busy") return unavailable(done.reason);
    if (done.outcome === "refused") return cannotUse();
    return done.outcome === "done" ? c.json({ class: name, policy: done.text }) : unknownClass(name);
  });

  app.put("/v1/devices/:id/policy", strictQuery(NoQuery), async (c) => {
    const id = spelled(c.req.param("id"));
    const body = await readBody(c, DevicePolicySchema);
    if (!body.ok) return body.answer;
    const { policy } = body.value;
    if (policy === "") return cannotUse();
    if (!DEVICE_ID.test(id)) return unknownDevice(id);
    const done = await gateway.order("device_policy", id, policy ?? "");
    if (done.kind === "busy") return unavailable(done.reason);
    if (done.outcome === "refused") return cannotUse();
    return done.outcome === "done" ? c.json({ device: id, policy: done.text === "" ? null : done.text }) : unknownDevice(id);
  });
}

const unknownClass = (name: string): Response =>
  problem(404, `Unknown class ${JSON.stringify(name.slice(0, 64))}: expected default or the name of one in the configuration`);
