/** One process per data directory: the second says who holds it; a lock never outlives its holder. */
import { afterAll, describe, expect, test } from "bun:test";
import { endEverything, Gateway } from "../support/gateway.ts";
import { TestDevice } from "../support/fleet.ts";
import { Tracker } from "../support/tracker.ts";
import { ask } from "../support/rest.ts";

afterAll(endEverything);

describe("a data directory", () => {
  test("a second gateway on it exits 1, names the holder's pid and leaves it working", async () => {
    const first = await Gateway.start();
    const second = Gateway.spawn({ data: first.data });
    expect(await second.ended()).toEqual({ code: 1, signal: null });
    expect(second.out).toEqual([]);
    expect(second.logText).toContain(String(first.readyLine.pid));
    expect(second.logText).toContain(first.data);
    expect(first.readyLine.pid).toBe(first.pid);
    const one = new TestDevice(500, "8");
    const tracker = await Tracker.loggedIn(first.tcpPort, one.imei);
    expect(await tracker.send(one.frame(one.records(2)).bytes)).toBe(2);
    expect((await ask(first.url, "/readyz")).status).toBe(200);
    tracker.close();
    expect((await first.stop()).code).toBe(0);
  }, 30_000);

  test("a lock is free again after kill -9", async () => {
    const first = await Gateway.start();
    await first.kill();
    const second = await Gateway.start({ data: first.data });
    expect((await second.stop()).code).toBe(0);
  }, 30_000);
});
