/** A gateway that has rehearsed is one at its beginning: nothing of it is on the disk, in its counters or in its answers. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { denoBerth } from "../support/deno_command.ts";
import { imeiOf } from "../support/fleet.ts";
import { endEverything, Gateway, type GatewayOptions, temporaryData } from "../support/gateway.ts";
import { devicesPage, metrics } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const RUNTIMES: readonly (readonly [string, GatewayOptions])[] = [
  ["as built", {}],
  ["on Deno", { command: denoBerth(), environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" } }],
];
/** What a gateway that nobody has spoken to may have counted. */
const ITS_OWN =
  /^berth_(build_info|start|uptime|heartbeat|thread|resident|store|wal|syncs|commit_seconds|commit_batch|ring_capacity|tail|open)/;

describe.each(RUNTIMES)("%s a gateway that has rehearsed", (_name, options) => {
  test("has seen no device and stored nothing, and takes the first one", async () => {
    const settings = { workers: 2, "process.rehearsal_ms": 200 };
    const [plain, rehearsed] = await Promise.all([
      Gateway.start({ ...options, settings: { ...settings, "process.rehearsal_ms": 0 } }),
      Gateway.start({ ...options, settings }),
    ]);
    const told = async ({ url }: Gateway) =>
      [...await metrics(url)].filter(([name, value]) => value !== 0 && !ITS_OWN.test(name)).map(([name]) => name);
    expect(await told(rehearsed)).toEqual(await told(plain));
    expect((await devicesPage(rehearsed.url)).devices).toEqual([]);
    expect(readdirSync(rehearsed.data).sort()).toEqual(readdirSync(plain.data).sort());
    const tracker = await Tracker.loggedIn(rehearsed.tcpPort, imeiOf(1));
    const devices = async (): Promise<string[]> => (await devicesPage(rehearsed.url)).devices.map(({ id }) => id);
    await until("the device", async () => (await devices()).length > 0);
    expect(await devices()).toEqual([imeiOf(1)]);
    tracker.close();
    for (const gateway of [plain, rehearsed]) expect((await gateway.stop()).code).toBe(0);
  }, 30_000);

  test("stops in order when it is told to meanwhile", async () => {
    const gateway = Gateway.spawn({ ...options, settings: { "process.rehearsal_ms": 60_000 } });
    await until("its store", () => existsSync(join(gateway.data, "berth.db-wal")), 30_000);
    expect(await gateway.stop(30_000)).toEqual({ code: 0, signal: null });
    expect(gateway.out).toEqual([]);
  }, 70_000);
});
