/** The main job from outside: trackers in, kept before they are told so, read back field by field, told live exactly once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { recordsOf, type TestDevice } from "../support/fleet.ts";
import { encodeCommand, expectedJson, type RecordJson, recordPart } from "../support/frames.ts";
import { ACCEPTS, endEverything, type Gateway } from "../support/gateway.ts";
import {
  closeAll,
  deliver,
  expectSeenOnce,
  expectStored,
  makeDevices,
  makeFrames,
  recordCount,
  recordsSeen,
  regrouped,
  sendAll,
  type Sent,
  startWith,
} from "../support/main_job.ts";
import { allDevices, allRecords, device, devicesPage, metrics, RECORDS_DUPLICATE, RECORDS_STORED, recordsPage } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const newestFix = (codec: TestDevice["codec"], sent: Sent, one: TestDevice): RecordJson | null => {
  const fixes = recordsOf(sent.get(one)!).filter((record) => record.satellites > 0);
  const newest = fixes.sort((a, b) => b.time - a.time)[0];
  return newest === undefined ? null : expectedJson(codec, newest);
};

describe.each([...ACCEPTS])("main job, accept %s", (accept) => {
  const devices = makeDevices(1);
  const sent = makeFrames(devices, 12);
  let gateway: Gateway;
  let cursor: string;
  let consumer: SseConsumer;
  let trackers = new Map<TestDevice, Tracker>();

  beforeAll(async () => {
    gateway = await startWith(accept);
    cursor = (await devicesPage(gateway.url)).cursor;
    consumer = await SseConsumer.open(gateway.url, "/v1/events", cursor);
  });

  test("three trackers of each codec log in, send and are acknowledged", async () => {
    trackers = await deliver(gateway.tcpPort, sent);
    expect(trackers.size).toBe(9);
  });

  test("records over REST equal what was sent, field by field", async () => {
    const stored = await expectStored(gateway.url, sent);
    expect(new Set(stored.map((record) => record.seq)).size).toBe(recordCount(sent));
  });

  test("a consumer saw each event exactly once, in seq order, with ids", async () => {
    await recordsSeen(consumer, recordCount(sent));
    expectSeenOnce(consumer, cursor, sent);
    expect(consumer.of("connected").length).toBe(9);
    const connected = consumer.of("connected").map((event) =>
      JSON.parse(event.data) as { device: string; fence: number; transport: string }
    );
    expect(new Set(connected.map((event) => event.device))).toEqual(new Set(devices.map((one) => one.imei)));
    for (const event of connected) {
      expect(event.transport).toBe("tcp");
      expect(event.fence).toBeGreaterThan(0);
    }
  });

  test("a device shows its connection, its count and its newest fix", async () => {
    for (const one of devices) {
      const shown = await device(gateway.url, one.imei);
      expect(shown).toMatchObject({ id: one.imei, connected: true, transport: "tcp", records: recordsOf(sent.get(one)!).length });
      expect(shown.origin).toMatchObject({ address: "127.0.0.1", port: trackers.get(one)!.localPort });
      expect(shown.position === null ? null : recordPart(shown.position)).toEqual(newestFix(one.codec, sent, one));
    }
    expect((await allDevices(gateway.url, 4)).map((shown) => shown.id).sort()).toEqual(devices.map((one) => one.imei).sort());
  });

  test("records page by seq and by time, and are bounded by from and to", async () => {
    const one = devices[4]!;
    const expected = one.expected(recordsOf(sent.get(one)!));
    const paged = await allRecords(gateway.url, one.imei, "", 5);
    expect(paged.map(recordPart)).toEqual(expected);
    const byTime = await allRecords(gateway.url, one.imei, "&order=time", 7);
    expect(byTime.map(recordPart)).toEqual(expected.toSorted((a, b) => a.time - b.time));
    const [from, to] = [expected[3]!.time, expected[10]!.time];
    const between = await allRecords(gateway.url, one.imei, `&from=${from}&to=${to}`);
    expect(between.map(recordPart)).toEqual(expected.filter((record) => record.time >= from && record.time <= to));
  });

  test("the same data again is acknowledged and stores nothing new", async () => {
    const before = await metrics(gateway.url);
    for (const one of devices) await sendAll(trackers.get(one)!, sent.get(one)!);
    await expectStored(gateway.url, sent);
    const duplicates = (before.get(RECORDS_DUPLICATE) ?? 0) + recordCount(sent);
    // Counted behind the acknowledgement.
    await until("them counted", async () => (await metrics(gateway.url)).get(RECORDS_DUPLICATE) === duplicates);
    expect((await metrics(gateway.url)).get(RECORDS_STORED)).toBe(recordCount(sent));
  });

  test("the same data regrouped, newest first, is acknowledged and stores nothing new", async () => {
    for (const one of devices) await sendAll(trackers.get(one)!, regrouped(one, sent.get(one)!, 7));
    await expectStored(gateway.url, sent);
    expect((await metrics(gateway.url)).get(RECORDS_STORED)).toBe(recordCount(sent));
    expect(consumer.of("record").length).toBe(recordCount(sent));
  });

  test("a frame of old and new records stores the new ones only", async () => {
    const one = devices[0]!;
    const fresh = one.records(2);
    const old = sent.get(one)![0]!.records;
    const frame = one.frame([fresh[0]!, ...old, fresh[1]!, fresh[0]!]);
    expect(await trackers.get(one)!.send(frame.bytes)).toBe(old.length + 3);
    const stored = (await allRecords(gateway.url, one.imei)).map(recordPart);
    expect(stored.slice(-2)).toEqual(one.expected(fresh));
    expect(stored.length).toBe(recordsOf(sent.get(one)!).length + 2);
  });

  test("an acknowledged record is readable at once", async () => {
    const one = devices[1]!;
    const tracker = trackers.get(one)!;
    for (let round = 0; round < 50; round++) {
      const last = (await recordsPage(gateway.url, one.imei, "?limit=1000")).records.at(-1)!;
      const records = one.records(1);
      expect(await tracker.send(one.frame(records).bytes)).toBe(1);
      const shown = (await recordsPage(gateway.url, one.imei, `?limit=1&from=${records[0]!.time}`)).records;
      expect(shown.map(recordPart)).toEqual(one.expected(records));
      expect(shown[0]!.seq).toBeGreaterThan(last.seq);
    }
  });

  test("a Codec 12 frame is not answered, is told as an unsolicited command, and the connection stays", async () => {
    const one = devices[2]!;
    const tracker = trackers.get(one)!;
    tracker.write(encodeCommand("DI1:1 DI2:0"));
    await consumer.until("a command event", () => consumer.of("command").length === 1);
    const event = JSON.parse(consumer.of("command")[0]!.data) as { device: string; unsolicited: boolean; hex: string };
    expect(event).toMatchObject({ device: one.imei, unsolicited: true });
    expect(event.hex).toContain("4449313a31204449323a30");
    const answers = tracker.acks.length;
    expect(await tracker.send(one.frame(one.records(3)).bytes)).toBe(3);
    expect(tracker.acks.length).toBe(answers + 1);
  });

  test("reconnecting evicts the old socket and raises the fence", async () => {
    const one = devices[3]!;
    const before = await device(gateway.url, one.imei);
    const old = trackers.get(one)!;
    const fresh = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await old.ended(2000);
    const after = await device(gateway.url, one.imei);
    expect(after).toMatchObject({ connected: true, origin: { port: fresh.localPort } });
    expect(after.fence).toBeGreaterThan(before.fence);
    await consumer.until("a replaced event", () => consumer.of("replaced").length === 1);
    expect(JSON.parse(consumer.of("replaced")[0]!.data)).toMatchObject({
      device: one.imei,
      fence: after.fence,
      policy: "takeover",
      origin: { port: fresh.localPort },
      old: { fence: before.fence, origin: { port: before.origin.port } },
    });
    const records = one.records(2);
    expect(await fresh.send(one.frame(records).bytes)).toBe(2);
    const last = (await allRecords(gateway.url, one.imei)).at(-1)!;
    expect(last.fence).toBe(after.fence);
    expect(consumer.of("disconnected").length).toBe(0);
    trackers.set(one, fresh);
  });

  test("the owner's end is told once, and the device is shown offline", async () => {
    closeAll(trackers.values());
    await consumer.until("nine disconnected events", () => consumer.of("disconnected").length >= 9);
    const ended = consumer.of("disconnected").map((event) => JSON.parse(event.data) as { device: string; reason: string });
    expect(ended.map((event) => event.device).sort()).toEqual(devices.map((one) => one.imei).sort());
    for (const event of ended) expect(event.reason).toBe("closed");
    await until("no device connected", async () => (await allDevices(gateway.url)).every((shown) => !shown.connected));
    expect((await devicesPage(gateway.url, "?connected=true")).devices).toEqual([]);
    await until("no connection counted", async () => (await metrics(gateway.url)).get("berth_connections") === 0);
  });

  test("SIGTERM says bye, keeps everything and exits 0", async () => {
    const stored = await allRecords(gateway.url, devices[1]!.imei);
    expect(await gateway.stop()).toEqual({ code: 0, signal: null });
    await consumer.until("the end of the stream", () => consumer.closed);
    expect(consumer.events.at(-1)?.event).toBe("bye");
    const again = await startWith(accept, { data: gateway.data });
    expect(await allRecords(again.url, devices[1]!.imei)).toEqual(stored);
    const next = await Tracker.loggedIn(again.tcpPort, devices[1]!.imei);
    expect((await device(again.url, devices[1]!.imei)).fence).toBeGreaterThan(stored.at(-1)!.fence);
    next.close();
    expect(await again.stop()).toEqual({ code: 0, signal: null });
  });
});
