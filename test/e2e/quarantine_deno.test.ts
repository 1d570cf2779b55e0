/** Frames that cannot be decoded, on Deno: seen, released, and acknowledged from then on. */
import { afterAll, expect, test } from "bun:test";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { frameAround } from "../support/frames.ts";
import { endEverything, temporaryData } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { ask } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(endEverything);

test("a frame is released on Deno, and what is stored shows byte by byte", async () => {
  const environment = { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" };
  const gateway = await startWith("reuseport", { command: denoBerth(), environment });
  const device = new TestDevice(995, "8E");
  const odd = frameAround([0x09, 2, 1, 2]);
  const first = await Tracker.loggedIn(gateway.tcpPort, device.imei);
  expect(await first.send(device.frame(device.records(2)).bytes)).toBe(2);
  first.write(odd);
  await first.ended();
  const { frames } = (await ask<{ frames: { id: number; hex: string }[] }>(gateway.url, "/v1/quarantine?raw=true")).json;
  expect(frames).toMatchObject([{ device: device.imei, fault: "unknown_codec", offset: 0, hex: "09020102", count: 1 }]);
  const path = `/v1/quarantine/${frames[0]!.id}`;
  expect((await ask(gateway.url, `${path}/release`, { method: "POST" })).status).toBe(204);
  const second = await Tracker.loggedIn(gateway.tcpPort, device.imei);
  expect(await second.send(odd)).toBe(2);
  expect((await ask(gateway.url, `${path}/replay`, { method: "POST" })).json).toMatchObject({
    replay: { records: 0, stored: 0 },
    count: 2,
  });
  expect((await ask(gateway.url, `/v1/devices/${device.imei}/frames`)).json).toMatchObject({
    frames: [{ codec: "8E", new: 2 }],
    next: null,
  });
  expect((await ask(gateway.url, path, { method: "DELETE" })).status).toBe(204);
  second.close();
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
}, 40_000);
