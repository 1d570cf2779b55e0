/** Among 20,000 devices an acknowledged record is readable at once, before any flush. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { prng } from "../../src/base/prng.ts";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin, recordPart } from "../support/frames.ts";
import { endEverything, type Gateway } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { allRecords, device, metric, metrics, RECORDS_STORED } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

const DEVICES = 20_000;
const LANES = 16;
const FIRST = 1_000_000;
const HOUR_MS = 3_600_000;

afterAll(endEverything);

describe("20,000 devices", () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startWith("fd", {
      // Nor at rest, which a busy machine may give it.
      settings: { "journal.flush_frames": 1 << 20, "journal.flush_age_ms": HOUR_MS, "journal.flush_rest_ms": HOUR_MS, log_level: "warn" },
    });
  });

  test("each is served on one of a handful of sockets at a time", async () => {
    // Login and frame in one segment, as a tracker on a slow link may send them; the frame is the same but for its device.
    const frame = new TestDevice(FIRST, "8").frames(1, 1)[0]!.bytes;
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < DEVICES) {
        const login = encodeLogin(imeiOf(FIRST + next++));
        const tracker = await Tracker.open(gateway.tcpPort);
        tracker.write(Buffer.concat([login, frame]));
        expect(await tracker.ack()).toBe(1);
        tracker.reset();
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    await until("all of them counted", async () => (await metric(gateway.url, RECORDS_STORED)) === DEVICES);
  }, 120_000);

  test("a record of any of them is readable right after its acknowledgement", async () => {
    const random = prng(7);
    for (let round = 0; round < 40; round++) {
      const one = new TestDevice(FIRST + random.below(DEVICES), "8E");
      one.records(round + 1);
      const records = one.records(2);
      const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      expect(await tracker.send(one.frame(records).bytes)).toBe(2);
      const stored = await allRecords(gateway.url, one.imei);
      expect(stored.slice(-2).map(recordPart)).toEqual(one.expected(records));
      expect((await device(gateway.url, one.imei)).records).toBe(stored.length);
      tracker.reset();
    }
  }, 120_000);

  test("nothing was flushed yet", async () => {
    const shown = await metrics(gateway.url);
    expect(shown.get("berth_flush_slices_total")).toBe(0);
    await until("every device counted", async () => await metric(gateway.url, "berth_devices") === DEVICES);
    expect((await gateway.stop()).code).toBe(0);
  }, 30_000);
});
