/** `berth replay`: frames an older Berth did not know, decoded by this one: by a running gateway, and on its data alone. */
import { afterAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { frameAround } from "../support/frames.ts";
import { endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { allRecords, ask, metric, type StoredJson } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

type Marked = StoredJson & { readonly redecoded?: boolean; readonly unfenced?: boolean };

const dataOf = (frame: Uint8Array): Uint8Array => frame.slice(8, frame.length - 4);
const ARRIVED = Date.now() - 3_600_000;

/** Puts frames where a Berth that did not know their codec would have. */
function plant(data: string, imei: string, frames: readonly Uint8Array[]): void {
  const db = new Database(join(data, "berth.db"));
  const { no } = db.query("SELECT no FROM device WHERE id = ?").get(imei) as { no: number };
  frames.forEach((frame, i) => {
    db.run(
      "INSERT INTO quarantine (id, device, hash, reason, codec, first_at, last_at, count, bytes) VALUES (?, ?, ?, 'unknown_codec', ?, ?, ?, 5, ?)",
      [i + 1, no, `planted${i}`, frame[8]!, ARRIVED, ARRIVED, dataOf(frame)],
    );
  });
  db.close();
}

/** A store with a device that has sent one frame, and three of it that were not known: two of new records, one of that very frame. */
async function planted(no: number) {
  const device = new TestDevice(no, "8E");
  const sent = Array.from({ length: 4 }, () => device.frame(device.records(3)));
  const gateway = await Gateway.start({ settings: { workers: 1 } });
  const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
  expect(await tracker.send(sent[3]!.bytes)).toBe(3);
  tracker.close();
  await gateway.stop();
  plant(gateway.data, device.imei, [sent[0]!.bytes, sent[3]!.bytes, sent[1]!.bytes]);
  return { device, sent, data: gateway.data };
}

const seqsOf = (records: readonly StoredJson[]): number[] => records.map(({ seq }) => seq);

test("a running gateway stores what kept frames yield once, marked, whoever has the device, and nothing on a dry run", async () => {
  const { device, sent, data } = await planted(1);
  const gateway = await Gateway.start({ data, settings: { workers: 1 } });
  const replay = (...args: string[]) => runBerth(["replay", "--url", gateway.url, ...args]);
  // The device has a newer connection by now: its floor is above the fence of the frames.
  const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
  const before = (await ask<{ fence: number; position: { time: number } }>(gateway.url, `/v1/devices/${device.imei}`)).json;
  const consumer = await SseConsumer.open(gateway.url);

  const dry = await replay("--dry-run", "--json");
  expect(dry).toMatchObject({ code: 0, err: "berth: 3 frames would be decoded: 9 records; 0 frames still cannot be\n" });
  const shown = dry.out.trim().split("\n").map((line) => JSON.parse(line) as { device: string; records: { time: number }[] });
  const timesOf = (frames: readonly { readonly records: readonly { readonly time: number }[] }[]): Set<number> =>
    new Set(frames.flatMap(({ records }) => records.map(({ time }) => time)));
  expect(timesOf(shown)).toEqual(timesOf([sent[0]!, sent[1]!, sent[3]!]));
  expect((await allRecords(gateway.url, device.imei)).length).toBe(3);

  const done = await replay();
  expect(done).toMatchObject({ code: 0, err: "berth: 3 frames were decoded: 9 records, 6 of them new; 0 frames still cannot be\n" });
  expect(done.out.trim().split("\n").length).toBe(3);
  const stored = (await allRecords(gateway.url, device.imei)) as Marked[];
  expect(stored.map(({ redecoded }) => redecoded ?? false)).toEqual([false, false, false, true, true, true, true, true, true]);
  expect(stored.slice(3).every(({ receivedAt }) => receivedAt === ARRIVED)).toBe(true);
  await consumer.until("the records", () => consumer.of("record").length === 6);
  expect(consumer.of("record").every(({ data: text }) => (JSON.parse(text) as Marked).redecoded === true)).toBe(true);
  expect(stored.map(({ unfenced }) => unfenced ?? false)).toEqual(stored.map(({ redecoded }) => redecoded ?? false));
  const after = (await ask<{ fence: number; position: { time: number } }>(gateway.url, `/v1/devices/${device.imei}`)).json;
  expect([after.fence, after.position.time]).toEqual([before.fence, before.position.time]);
  await until("the alert to be over", async () => await metric(gateway.url, "berth_quarantine_frames") === 0);

  // Not killed by it, nor by doing it again: over kill -9 too.
  expect((await replay()).err).toContain("9 records, 0 of them new");
  await gateway.kill();
  const again = await Gateway.start({ data, settings: { workers: 1 } });
  expect((await runBerth(["replay", "--url", again.url])).err).toContain("9 records, 0 of them new");
  expect(seqsOf(await allRecords(again.url, device.imei))).toEqual(seqsOf(stored));
  // The device may send the frame itself, and is told that it is kept.
  const back = await Tracker.loggedIn(again.tcpPort, device.imei);
  expect(await back.send(sent[0]!.bytes)).toBe(3);
  expect((await allRecords(again.url, device.imei)).length).toBe(9);
  tracker.close();
  back.close();
}, 60_000);

test("without a gateway it is done on the data directory, and never beside one", async () => {
  const { device, data } = await planted(2);
  expect((await runBerth(["replay", "--data", data, "--dry-run"])).err).toContain("3 frames would be decoded: 9 records");
  expect((await runBerth(["replay", "--data", data, "--device", imeiOf(77)])).err).toContain("0 frames were decoded");
  expect(await runBerth(["replay", "--data", data, "--device", device.imei])).toMatchObject({
    code: 0,
    err: "berth: 3 frames were decoded: 9 records, 6 of them new; 0 frames still cannot be\n",
  });
  expect((await runBerth(["replay", "--data", data])).err).toContain("9 records, 0 of them new");
  const gateway = await Gateway.start({ data, settings: { workers: 1 } });
  const stored = (await allRecords(gateway.url, device.imei)) as Marked[];
  expect(stored.filter(({ redecoded }) => redecoded).length).toBe(6);
  expect(await runBerth(["replay", "--data", data])).toMatchObject({ code: 1, err: expect.stringContaining(String(gateway.pid)) as never });
  await gateway.stop();
  await Bun.write(join(data, "berth.db"), new Uint8Array(8192).fill(7));
  const damaged = await runBerth(["replay", "--data", data]);
  expect(damaged.code).toBe(1);
  expect(damaged.err).toContain("it is damaged");
  // Nothing is held any more.
  expect((await runBerth(["replay", "--data", data])).err).toBe(damaged.err);
  expect(await runBerth(["replay", "--data", `${data}/none`])).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no store") as never,
  });
}, 60_000);

test("a frame nobody understands yet stays, and is counted", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1 } });
  const tracker = await Tracker.loggedIn(gateway.tcpPort, imeiOf(3));
  tracker.write(frameAround([0x09, 1, 1, 1]));
  await tracker.ended();
  expect(await runBerth(["replay", "--url", gateway.url])).toEqual({
    code: 0,
    out: "",
    err: "berth: 0 frames were decoded: 0 records, 0 of them new; 1 frames still cannot be\n",
  });
  const { frames } = (await ask<{ frames: { id: number }[] }>(gateway.url, "/v1/quarantine")).json;
  expect((await ask(gateway.url, `/v1/quarantine/${frames[0]!.id}/replay`, { method: "POST" })).json).toMatchObject({
    decodes: null,
    replay: { records: 0, stored: 0 },
  });
}, 30_000);
