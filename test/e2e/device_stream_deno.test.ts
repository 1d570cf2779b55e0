/** The stream of a device on Deno, whose sockets have no descriptors: the same admission, takeover, and end. */
import { afterAll, expect, test } from "bun:test";
import { versionOf } from "../support/config_asks.ts";
import { denoBerth } from "../support/deno_command.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { device } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const versions = (stream: SseConsumer): number[] =>
  stream.of("config").map(({ data }) => (JSON.parse(data) as { version: number }).version);

test("the stream of a device on Deno is a connection of it: newest version first, taken over, ended with its client", async () => {
  const environment = { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" };
  const gateway = await Gateway.start({ settings: { workers: 1, "http.heartbeat_ms": 200 }, command: denoBerth(), environment });
  const first = await SseConsumer.open(gateway.url, "/v1/devices/sensor-1/stream");
  await first.until("the snapshot", () => versions(first).length === 1);
  await versionOf(gateway.url, "sensor-1", { a: 1 });
  await first.until("version 1", () => versions(first).length === 2);
  const second = await SseConsumer.open(gateway.url, "/v1/devices/sensor-1/stream");
  await second.until("the snapshot", () => versions(second).length === 1);
  await first.until("its end", () => first.closed);
  expect([versions(first), versions(second), first.events.at(-1)!.data]).toEqual([[0, 1], [1], '{"reason":"superseded"}']);
  second.close();
  await until("offline", async () => !(await device(gateway.url, "sensor-1")).connected);
  expect((await gateway.stop()).code).toBe(0);
}, 60_000);
