/** A shutdown waits for clients that have something to take, and for no timer of those that have it. */
import { afterAll, expect, test } from "bun:test";
import { endEverything, Gateway } from "../support/gateway.ts";
import { metric } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";
import { WsClient } from "../support/ws_client.ts";

afterAll(endEverything);

const BYE_MS = 10_000;

test("streams and sockets that take their bye at once end the shutdown at once, however long they might have taken", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1, "http.threads": 2, "http.bye_ms": BYE_MS, log_level: "info" } });
  const open = (path: string): Promise<SseConsumer> => SseConsumer.open(gateway.url, path);
  const streams = await Promise.all(
    ["/v1/events", "/v1/events?mode=latest", "/v1/devices/pump-1/stream", "/v1/devices/pump-2/stream?commands=true"].map(open),
  );
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const client = await WsClient.open(gateway.url);
  client.subscribe("devices");
  // One that was taken over, and one that has gone.
  const successor = await open("/v1/devices/pump-2/stream?takeover=true");
  (await open("/v1/devices/pump-3/stream")).close();
  await until("two device streams", async () => (await metric(gateway.url, "berth_connections")) === 2);
  const began = performance.now();
  expect((await gateway.stop()).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(BYE_MS / 2);
  expect(gateway.log.filter((line) => line.includes('"level":"warn"') && !line.includes("open files"))).toEqual([]);
  for (const stream of [...streams, successor]) stream.close();
  client.close();
}, 60_000);
