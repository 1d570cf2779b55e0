/** Fences over a crash: what was handed out is never handed out again, wherever between the reservation of a block and its use it comes. */
import { afterAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { HeldGateway } from "../support/held.ts";
import { device, devicesPage } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

/** Fence = counter × 1024 + the instance's slot, 0 where it is alone. */
const STEP = 1024;
const settings = (block: number) => ({ workers: 1, "journal.fence_block": block });

function reservedIn(data: string): number {
  const db = new Database(join(data, "berth.db"), { readonly: true });
  const row = db.prepare("SELECT value FROM meta WHERE key = 'fence_reserved'").get() as { value: number };
  db.close();
  return row.value;
}

async function fenceOf(gateway: Gateway, one: TestDevice): Promise<number> {
  await Tracker.loggedIn(gateway.tcpPort, one.imei);
  return (await device(gateway.url, one.imei)).fence;
}

test("after kill -9 the first fence is the first that was never reserved, and a new block is on the disk before it", async () => {
  const one = new TestDevice(8801, "8");
  const gateway = await Gateway.start({ settings: settings(64) });
  const given: number[] = [];
  for (let i = 0; i < 5; i++) given.push(await fenceOf(gateway, one));
  await gateway.kill();
  const reserved = reservedIn(gateway.data);
  expect(reserved * STEP).toBeGreaterThan(Math.max(...given));
  const again = await Gateway.start({ data: gateway.data, settings: settings(64) });
  expect(await fenceOf(again, one)).toBe(reserved * STEP);
  await again.kill();
  expect(reservedIn(gateway.data)).toBeGreaterThanOrEqual(reserved + 64);
});

test("of a block whose reservation is not on the disk no fence is given, and after a crash there nothing comes twice", async () => {
  // The start, then the logins, of a device each: the third of them finds half of the block used, and reserves the next one.
  const held = await HeldGateway.start("journal.before_commit", 4, { settings: settings(4) });
  const { gateway } = held;
  const devices = Array.from({ length: 10 }, (_, i) => new TestDevice(8810 + i, "8"));
  const given: number[] = [];
  for (const one of devices.slice(0, 3)) {
    // Each in a commit of its own.
    await until("the commits before", async () => (await devicesPage(gateway.url)).devices.length === given.length);
    given.push(await fenceOf(gateway, one));
  }
  await held.held();
  for (const one of devices.slice(3)) await fenceOf(gateway, one).then((fence) => given.push(fence), () => undefined);
  await gateway.kill();
  const reserved = reservedIn(gateway.data);
  // All that there were, and not one more.
  expect(given.at(-1)).toBe((reserved - 1) * STEP);
  const again = await Gateway.start({ data: gateway.data, settings: settings(4) });
  expect(await fenceOf(again, devices[0]!)).toBe(reserved * STEP);
  expect((await again.stop()).code).toBe(0);
}, 60_000);
