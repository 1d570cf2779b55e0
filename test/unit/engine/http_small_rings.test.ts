/** Requests that are longer than the smallest rings take in one piece. */
import { expect, test } from "bun:test";
import { connectedOf } from "../../support/memory_store.ts";
import { OutWorld } from "../../support/out_world.ts";
import { ask, devicesPage } from "../../support/rest.ts";
import { until } from "../../support/until.ts";

test("a policy or a command longer than the rings take is refused, and ends nothing", async () => {
  const world = await OutWorld.start({ controlRingBytes: 4096 });
  world.commit([connectedOf(1, "a", 1024)]);
  await until("the device", async () => (await devicesPage(world.url)).devices.length === 1);
  const send = (method: string, path: string, body: object) => ask(world.url, path, { method, body: JSON.stringify(body) });
  expect((await send("PUT", "/v1/policies/default", { policy: "x".repeat(3000) })).status).toBe(503);
  const command = { text: "x".repeat(900), idempotencyKey: "k".repeat(64) };
  expect((await send("POST", "/v1/devices/a/commands", command)).status).toBe(409);
  expect([(await ask(world.url, "/healthz")).status, world.failure]).toEqual([200, null]);
  await world.stop();
});
