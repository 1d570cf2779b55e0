/** Under commits that never pause the write-ahead log stays within four times the checkpoint trigger. bench/load/wal.ts runs it for a minute. */
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { metric, RECORDS_STORED } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";
import { pause, until } from "../support/until.ts";
import { walBytes } from "../support/wal_bytes.ts";

const TRIGGER = 256 * 1024;
const RUN_MS = 6000;
/** How long commits that could do harm are held back. */
const HELD_MS = 2000;
const TRACKERS = 8;
const WINDOW = 16;

afterAll(endEverything);

/** Keeps `WINDOW` frames unanswered until it is over; returns the records acknowledged. */
async function pour(port: number, number: number, isOver: () => boolean): Promise<number> {
  const device = new TestDevice(number, "8");
  const tracker = await Tracker.loggedIn(port, imeiOf(number));
  let acked = 0;
  tracker.onAck = (count) => acked += count;
  let written = 0;
  while (!isOver()) {
    while (written - tracker.acks.length < WINDOW) {
      tracker.write(device.frame(device.records(4)).bytes);
      written++;
    }
    await tracker.ack();
  }
  while (tracker.acks.length < written) await tracker.ack();
  tracker.close();
  return acked;
}

const SETTINGS = {
  "journal.checkpoint_bytes": TRIGGER,
  "journal.commit_bytes": 64 * 1024,
  "journal.slice_bytes": 64 * 1024,
  // Runs of a few busy devices are written and merged while it lasts.
  "journal.flush_frames": 8192,
  workers: 1,
};

/** Keeps a read transaction open on the gateway's store while `work` lasts: the log cannot begin again before it ends. */
async function holdLog(data: string, work: () => Promise<unknown>): Promise<void> {
  const db = new Database(`${data}/berth.db`, { readonly: true });
  db.run("BEGIN");
  db.query("SELECT count(*) FROM log").get();
  await work();
  db.run("COMMIT");
  db.close();
}

test("a reader that holds the write-ahead log makes commits wait before the log is four triggers long", async () => {
  const gateway = await Gateway.start({ settings: SETTINGS });
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, walBytes(gateway.data)), 2);
  let isHeld = true;
  const pouring = pour(gateway.tcpPort, 1, () => !isHeld);
  await until("a log in use", () => walBytes(gateway.data) > 0);
  await holdLog(gateway.data, async () => {
    await until("a long log", () => most > 3 * TRIGGER, 60_000);
    await pause(HELD_MS);
  });
  isHeld = false;
  const acked = await pouring;
  clearInterval(watch);
  expect(most).toBeGreaterThan(3 * TRIGGER);
  expect(most).toBeLessThanOrEqual(4 * TRIGGER);
  await until("all of them counted", async () => (await metric(gateway.url, RECORDS_STORED)) === acked);
  expect((await gateway.stop()).code).toBe(0);
}, 120_000);

test("the write-ahead log stays within four times the checkpoint trigger while commits never pause", async () => {
  const gateway = await Gateway.start({ settings: SETTINGS });
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, walBytes(gateway.data)), 2);
  const deadline = performance.now() + RUN_MS;
  const acked = await Promise.all(
    Array.from({ length: TRACKERS }, (_, i) => pour(gateway.tcpPort, i + 1, () => performance.now() >= deadline)),
  );
  clearInterval(watch);
  // The log was filled and reused many times, or the bound was never at risk.
  expect(await metric(gateway.url, "berth_checkpoints_total")).toBeGreaterThan(5);
  expect(most).toBeGreaterThan(TRIGGER / 2);
  expect(most).toBeLessThanOrEqual(4 * TRIGGER);
  const sum = acked.reduce((total, count) => total + count, 0);
  await until("all of them counted", async () => (await metric(gateway.url, RECORDS_STORED)) === sum);
  expect((await gateway.stop()).code).toBe(0);
}, 120_000);
