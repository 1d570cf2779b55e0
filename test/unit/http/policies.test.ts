/** Policies over HTTP: what reaches the registry, and what its outcomes become. */
import { afterEach, expect, test } from "bun:test";
import type { OrderVerb, Outcome } from "../../../src/wire/control.ts";
import { OutWorld } from "../../support/out_world.ts";
import { ask, type Problem } from "../../support/rest.ts";

let world: OutWorld;
let orders: [OrderVerb, string, string][] = [];
afterEach(() => world.stop());

async function start(outcome: Outcome, text: string): Promise<void> {
  orders = [];
  world = await OutWorld.start();
  world.onOrder = (verb, device, said) => {
    orders.push([verb, device, said]);
    return { outcome, text };
  };
}
const put = async (path: string, body: unknown) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const { status, json } = await ask<Problem & Record<string, unknown>>(world.url, path, { method: "PUT", body: text });
  return [status, json] as const;
};

test("a policy of a class and one of a device are ordered, and what was set is answered", async () => {
  await start("done", "multi(2)");
  expect(await put("/v1/policies/ships", { policy: "multi(2)" })).toEqual([200, { class: "ships", policy: "multi(2)" }]);
  expect(await put("/v1/devices/356307042441013/policy", { policy: "multi(2)" })).toEqual([200, {
    device: "356307042441013",
    policy: "multi(2)",
  }]);
  expect(orders).toEqual([["class_policy", "ships", "multi(2)"], ["device_policy", "356307042441013", "multi(2)"]]);
});

test("null takes a device's own policy away", async () => {
  await start("done", "");
  expect(await put("/v1/devices/a/policy", { policy: null })).toEqual([200, { device: "a", policy: null }]);
  expect(orders).toEqual([["device_policy", "a", ""]]);
});

test("what the registry does not know is 404, what it refuses 400 with what is allowed", async () => {
  await start("unknown", "");
  for (const path of ["/v1/policies/ships", "/v1/devices/a/policy"]) {
    expect((await put(path, { policy: "recent" }))[0]).toBe(404);
  }
  world.onOrder = () => ({ outcome: "refused", text: "" });
  for (const path of ["/v1/policies/ships", "/v1/devices/a/policy"]) {
    const [status, { detail }] = await put(path, { policy: "first" });
    expect([status, detail]).toEqual([
      400,
      "Cannot use policy: expected takeover, reject, initiator, recent, multi(1) to multi(16)",
    ]);
  }
});

test("a body that is not as declared is 400 and orders nothing", async () => {
  await start("done", "");
  for (
    const [body, detail] of [
      ["{", "Cannot read the body: not JSON"],
      ["", "Cannot use policy: expected"],
      [[1], "Cannot use policy: expected an object with policy, a text"],
      ["7", "Cannot use the body: expected an object with policy, a text"],
      [{ policy: 1 }, "Cannot use policy: expected a text"],
      [{ policy: "recent", more: 1 }, "Cannot use more: expected"],
    ] as const
  ) {
    const [status, answer] = await put("/v1/policies/ships", body);
    expect(status).toBe(400);
    expect(answer.detail).toContain(detail);
  }
  expect((await put("/v1/devices/a/policy", { policy: "" }))[0]).toBe(400);
  expect(orders).toEqual([]);
});
