/** What an http thread asks when it has stopped: nothing of it may keep the thread. */
import { afterAll, beforeEach, expect, spyOn, test } from "bun:test";
import { limitsWith } from "../../../src/base/limits.ts";
import { RegistryClient } from "../../../src/engine/http/asks.ts";
import { ReaderClient } from "../../../src/engine/http/queries.ts";
import { createRing } from "../../../src/ring/layout.ts";
import { Bell, BELL_BYTES } from "../../../src/ring/wait.ts";
import { StreamTest } from "../../support/stream_test.ts";
import { until } from "../../support/until.ts";
import { WsClient } from "../../support/ws_client.ts";

const limits = limitsWith();
const bell = new Bell(new SharedArrayBuffer(2 * BELL_BYTES), 1);
const timers = spyOn(globalThis, "setTimeout");
// Before each: what tests of other files left behind may have set a timer since this file was read.
beforeEach(() => timers.mockClear());
afterAll(() => timers.mockRestore());

test("a reader that is asked after the end is not waited for, nor one that was asked before", async () => {
  const client = new ReaderClient([{ queries: createRing(4096), results: createRing(4096), bell }], limits);
  const before = client.ask({ type: "entries", from: 1 });
  expect(timers).toHaveBeenCalledTimes(1);
  client.stop();
  const answers = await Promise.all([before, client.ask({ type: "entries", from: 1 })]);
  expect(answers).toEqual([{ kind: "busy", reason: "the gateway is stopping" }, { kind: "busy", reason: "the gateway is stopping" }]);
  expect(timers).toHaveBeenCalledTimes(1);
});

test("a registry that is asked after the end is not waited for, nor one that was asked before", async () => {
  const client = new RegistryClient(createRing(4096), createRing(4096), bell, limits);
  const before = client.configure("a", "1");
  expect(timers).toHaveBeenCalledTimes(1);
  client.stop();
  expect(await Promise.all([before, client.configure("a", "2")])).toEqual([null, null]);
  expect(timers).toHaveBeenCalledTimes(1);
});

test("WebSockets are looked at as long as there is one", async () => {
  const streams = new StreamTest();
  const [began, ended] = [spyOn(globalThis, "setInterval"), spyOn(globalThis, "clearInterval")];
  try {
    const world = await streams.start({ byeMs: 10_000 });
    began.mockClear();
    const clients = [await WsClient.open(world.url), await WsClient.open(world.url)];
    const looking: unknown = began.mock.results[0]!.value;
    clients[0]!.close();
    await until("one left", () => world.metric("berth_websockets") === 1);
    expect(ended).not.toHaveBeenCalledWith(looking);
    clients[1]!.close();
    await until("none left", () => world.metric("berth_websockets") === 0);
    expect(ended).toHaveBeenCalledWith(looking);
  } finally {
    began.mockRestore();
    ended.mockRestore();
    await streams.end();
  }
});
