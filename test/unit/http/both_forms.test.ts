/** Who listens to the same by an event stream and by a WebSocket: each gets it in its own form, and only once. */
import { afterEach, expect, test } from "bun:test";
import { connectedOf } from "../../support/memory_store.ts";
import { frame, reaches, seqs, StreamTest, upTo } from "../../support/stream_test.ts";
import { WsClient } from "../../support/ws_client.ts";

const streams = new StreamTest();
afterEach(() => streams.end());

test("one device by an event stream, by its own channel and by the channel of all comes to each as it asked", async () => {
  const world = await streams.start();
  const consumer = await streams.open("/v1/events?device=a", "e1.0");
  const [own, all] = [await WsClient.open(world.url), await WsClient.open(world.url)];
  own.subscribe("device.a", "e1.0");
  all.subscribe("devices", "e1.0");
  world.commit([connectedOf(1, "a", 1024)]);
  for (const [client, channel] of [[own, "device.a"], [all, "devices"]] as const) await client.reaches(channel, 1);
  await reaches(consumer, 1);
  // All of them are up to date now, and get what comes in one tick.
  for (let i = 0; i < 5; i++) world.commit([frame(1, 2)]);
  await reaches(consumer, 11);
  for (const [client, channel] of [[own, "device.a"], [all, "devices"]] as const) {
    await client.reaches(channel, 11);
    expect(client.seqs(channel)).toEqual(upTo(11));
    expect(new Set(client.of("event").map((event) => event.channel))).toEqual(new Set([channel]));
    client.close();
  }
  expect(seqs(consumer)).toEqual(upTo(11));
});
