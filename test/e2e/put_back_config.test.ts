/** Configurations in a store that is put back from a backup: its versions are lower than those a device has, and the device gets them. */
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { config, report, versionOf } from "../support/config_asks.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const STORE = "berth.db";
const ID = "sensor-1";

test("a device's stream begins with what the store has, whatever version the device was given before", async () => {
  const start = (data?: string): Promise<Gateway> => Gateway.start({ ...(data === undefined ? {} : { data }), settings: { workers: 1 } });
  const given = (stream: SseConsumer): unknown[] =>
    stream.of("config").map(({ data }) => {
      const { version, value } = JSON.parse(data) as { version: number; value: unknown };
      return [version, value];
    });
  let gateway = await start();
  const { data } = gateway;
  // As EventSource does, with the id of what it had last.
  const opened = (last: string | null): Promise<SseConsumer> => SseConsumer.open(gateway.url, `/v1/devices/${ID}/stream`, last);
  let stream = await opened(null);
  await stream.until("the snapshot", () => given(stream).length > 0);
  expect(await versionOf(gateway.url, ID, "old")).toBe(1);
  await stream.until("version 1", () => given(stream).length > 1);
  expect((await report(gateway.url, ID, 1, "applied")).status).toBe(204);
  expect((await gateway.stop()).code).toBe(0);
  const backup = join(temporaryData(), STORE);
  copyFileSync(join(data, STORE), backup);

  gateway = await start(data);
  stream = await opened("1");
  for (const [version, value] of [[2, "newer"], [3, "newest"]] as const) expect(await versionOf(gateway.url, ID, value)).toBe(version);
  await stream.until("version 3", () => given(stream).some((each) => JSON.stringify(each) === '[3,"newest"]'));
  expect((await report(gateway.url, ID, 3, "applied")).status).toBe(204);
  expect((await gateway.stop()).code).toBe(0);

  for (const name of readdirSync(data)) if (name.startsWith(STORE)) rmSync(join(data, name));
  copyFileSync(backup, join(data, STORE));
  gateway = await start(data);
  await until("the warning", () => gateway.logText.includes("store_put_back"));
  stream = await opened("3");
  await stream.until("the snapshot", () => given(stream).length > 0);
  expect(given(stream)).toEqual([[1, "old"]]);
  expect((await report(gateway.url, ID, 3, "applied")).status).toBe(404);
  expect(await versionOf(gateway.url, ID, "after")).toBe(2);
  await stream.until("version 2", () => given(stream).length > 1);
  expect(given(stream)).toEqual([[1, "old"], [2, "after"]]);
  expect(await config(gateway.url, ID)).toMatchObject({ version: 2, value: "after", applied: 1, pending: 2 });
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);
