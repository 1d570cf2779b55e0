/** A store that is put back from a backup: its cursors begin anew, as seqs come again for other events, and no fence comes twice. */
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inState, submit } from "../support/command_asks.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { device, devicesPage } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const STORE = "berth.db";
const one = new TestDevice(8901, "8");

/** A login, two records, and how the device and the journal stand then. */
async function used(gateway: Gateway): Promise<{ readonly fence: number; readonly cursor: string; readonly epoch: string }> {
  const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  expect(await tracker.send(one.frame(one.records(2)).bytes)).toBe(2);
  const { fence } = await device(gateway.url, one.imei);
  const { cursor } = await devicesPage(gateway.url);
  return { fence, cursor, epoch: cursor.slice(0, cursor.lastIndexOf(".")) };
}

async function causeFor(gateway: Gateway, cursor: string): Promise<string | null> {
  const consumer = await SseConsumer.open(gateway.url, "/v1/events", cursor);
  const probe = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  await consumer.until("an event", () => consumer.events.length > 0);
  probe.close();
  consumer.close();
  const [resync] = consumer.of("resync");
  return resync === undefined ? null : (JSON.parse(resync.data) as { cause: string }).cause;
}

test("a cursor survives stops and kill -9, and not a restore; fences rise over all of them", async () => {
  let gateway = await Gateway.start({ settings: { workers: 1 } });
  const { data } = gateway;
  const again = async (into = data): Promise<Gateway> => (gateway = await Gateway.start({ data: into, settings: { workers: 1 } }));
  const first = await used(gateway);
  const away = new TestDevice(8902, "8");
  (await Tracker.loggedIn(gateway.tcpPort, away.imei)).close();
  await until("offline", async () => !(await device(gateway.url, away.imei)).connected);
  const waits = await submit(gateway.url, away.imei, { ttlMs: 600_000 });
  expect((await gateway.stop()).code).toBe(0);
  const backup = join(temporaryData(), STORE);
  copyFileSync(join(data, STORE), backup);

  const second = await used(await again());
  await gateway.kill();
  const third = await used(await again());
  expect([second.epoch, third.epoch]).toEqual([first.epoch, first.epoch]);
  expect(await causeFor(gateway, second.cursor)).toBeNull();
  await inState(gateway.url, waits.id, "queued");
  expect((await gateway.stop()).code).toBe(0);

  for (const name of readdirSync(data)) if (name.startsWith(STORE)) rmSync(join(data, name));
  copyFileSync(backup, join(data, STORE));
  await again();
  await until("the warning", () => gateway.logText.includes("store_put_back"));
  expect(await causeFor(gateway, third.cursor)).toBe("epoch");
  // It may have been sent after the backup was made.
  expect((await inState(gateway.url, waits.id, "unknown")).reason).toBe("restart");
  const fourth = await used(gateway);
  expect(fourth.epoch).not.toBe(first.epoch);
  expect(fourth.fence).toBeGreaterThan(third.fence);
  await gateway.kill();
  const fifth = await used(await again());
  expect([fifth.epoch, fifth.fence > fourth.fence]).toEqual([fourth.epoch, true]);
  expect((await gateway.stop()).code).toBe(0);

  // The same on another machine, where nothing was ever seen of it.
  const elsewhere = temporaryData();
  copyFileSync(backup, join(elsewhere, STORE));
  const sixth = await used(await again(elsewhere));
  expect([first.epoch, fourth.epoch]).not.toContain(sixth.epoch);
  expect(sixth.fence).toBeGreaterThan(third.fence);
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);
