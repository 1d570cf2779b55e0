/** Commands on Deno: written alone between acknowledgements, answered, and unknown after a kill -9. */
import { afterAll, expect, test } from "bun:test";
import { command, inState, submit } from "../support/command_asks.ts";
import { CommandTracker } from "../support/command_tracker.ts";
import { commandTraffic } from "../support/command_traffic.ts";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";

afterAll(endEverything);

test("commands on Deno are written alone, answered, and survive a kill -9 with one end", async () => {
  const options = {
    command: denoBerth(),
    settings: { workers: 2, "tcp.accept": "reuseport" },
    environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" },
  };
  const gateway = await Gateway.start(options);
  const traffic = await commandTraffic(gateway, 2, 300);
  expect(traffic.faults).toEqual([]);
  expect([traffic.acks, traffic.received, traffic.answered]).toEqual([traffic.frames, traffic.submitted, traffic.submitted]);
  const one = new TestDevice(8401, "8E");
  const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei);
  await tracker.send(one.frame(one.records(1)).bytes);
  const body = { text: "getver", idempotencyKey: "k" };
  const { id } = await submit(gateway.url, one.imei, body);
  await inState(gateway.url, id, "written");
  await gateway.kill();
  const again = await Gateway.start({ ...options, data: gateway.data });
  expect(await command(again.url, id)).toMatchObject({ state: "unknown", reason: "restart" });
  expect((await submit(again.url, one.imei, body)).id).toBe(id);
  expect((await again.stop()).code).toBe(0);
}, 60_000);
