/** Bad input of every kind, from outside: the right answer (mostly none), a counter, a log line, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin, frameAround } from "../support/frames.ts";
import { ACCEPTS, endEverything, type Gateway } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { timed } from "../support/processor_wait.ts";
import { allRecords, metrics } from "../support/rest.ts";
import { cursorParts, SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { pause, until } from "../support/until.ts";

afterAll(endEverything);

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const maker = new TestDevice(1, "8");
const good = (): Uint8Array => maker.frames(1, 3)[0]!.bytes;
/** A good frame's data field: codec id .. second count. */
const dataOf = (frame: Uint8Array): Uint8Array => frame.slice(8, frame.length - 4);

const withTail = (data: Uint8Array): number[] => [...data.slice(0, -1), 7, 7, 7, data.at(-1)!];

function changed(frame: Uint8Array, at: number, value: number): Uint8Array {
  const copy = frame.slice();
  copy[at < 0 ? copy.length + at : at] = value;
  return copy;
}

/** After a login: what is sent, and the fault it is counted as. None is answered; the connection is closed. */
const AFTER_LOGIN: Readonly<Record<string, { bytes: () => Uint8Array; fault: string }>> = {
  "a wrong CRC": { bytes: () => changed(good(), 20, 0x77), fault: "crc_mismatch" },
  "counts that differ": { bytes: () => frameAround(changed(dataOf(good()), -1, 99)), fault: "count_mismatch" },
  "a record cut short": { bytes: () => frameAround([0x08, 1, ...dataOf(good()).slice(2, 20), 1]), fault: "truncated_inside" },
  "bytes behind the records": { bytes: () => frameAround(withTail(dataOf(good()))), fault: "trailing_bytes" },
  "a preamble that is not 0": { bytes: () => changed(good(), 2, 1), fault: "bad_preamble" },
  "a length below 3": { bytes: () => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2, 8, 0, 0, 0, 0, 0), fault: "bad_length" },
  "a length beyond the limit": { bytes: () => Uint8Array.of(0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 8), fault: "too_long" },
  "a negative length": { bytes: () => Uint8Array.of(0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 8), fault: "too_long" },
  "an unknown codec with a valid CRC": { bytes: () => frameAround([0x07, 1, 1, 2, 3, 4, 1]), fault: "unknown_codec" },
};
/** Instead of a login. */
const INSTEAD_OF_LOGIN: Readonly<Record<string, () => Uint8Array>> = {
  "HTTP": () => text("GET / HTTP/1.1\r\nHost: tracker\r\n\r\n"),
  "a TLS hello": () => Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9),
  "a camera's hello": () => Uint8Array.of(0, 0, 0, 5, 3, 0x52, 9, 0x30, 0x81, 0x45, 0x22, 0x51, 0, 0, 0, 0, 0),
  "an IMEI of letters": () => Uint8Array.of(0, 15, ...text("35630704244101x")),
};

describe.each([...ACCEPTS])("bad input, accept %s", (accept) => {
  const healthy = new TestDevice(800, "8E");
  let gateway: Gateway;
  let healthyTracker: Tracker;
  let consumer: SseConsumer;

  const counter = async (name: string): Promise<number> => (await metrics(gateway.url)).get(name) ?? 0;
  const healthyStillServed = async (): Promise<void> => {
    const records = healthy.records(2);
    const { tookMs, starvedMs } = await timed(gateway.pid, async () => {
      expect(await healthyTracker.send(healthy.frame(records).bytes)).toBe(2);
    });
    expect(tookMs - starvedMs).toBeLessThan(1000);
  };

  beforeAll(async () => {
    gateway = await startWith(accept, { settings: { "tcp.login_timeout_ms": 3000, log_level: "info" } });
    healthyTracker = await Tracker.loggedIn(gateway.tcpPort, healthy.imei);
    consumer = await SseConsumer.open(gateway.url);
  });

  for (const [name, { bytes, fault }] of Object.entries(AFTER_LOGIN)) {
    test(`${name} is not answered, closed, counted and logged`, async () => {
      const metric = `berth_bad_frames_total{fault="${fault}"}`;
      const before = await counter(metric);
      const logged = gateway.log.filter((line) => line.includes(fault)).length;
      const tracker = await Tracker.loggedIn(gateway.tcpPort, imeiOf(801));
      tracker.write(bytes());
      await tracker.ended();
      expect(tracker.acks).toEqual([]);
      expect(await counter(metric)).toBe(before + 1);
      await until("a log line", () => gateway.log.filter((line) => line.includes(fault)).length > logged);
      await healthyStillServed();
    });
  }

  for (const [name, bytes] of Object.entries(INSTEAD_OF_LOGIN)) {
    test(`${name} instead of a login is closed without a positive answer, counted and logged`, async () => {
      const metric = 'berth_bad_frames_total{fault="bad_login"}';
      const before = await counter(metric);
      const logged = gateway.log.filter((line) => line.includes("bad_login")).length;
      const tracker = await Tracker.open(gateway.tcpPort);
      tracker.write(bytes());
      await tracker.ended();
      expect(tracker.login).not.toBe(1);
      expect(await counter(metric)).toBe(before + 1);
      await until("a log line", () => gateway.log.filter((line) => line.includes("bad_login")).length > logged);
      await healthyStillServed();
    });
  }

  test("an undecodable frame with a valid CRC is told once as quarantined, however often it is sent", async () => {
    const frame = frameAround([0x09, 1, 9, 9, 9, 1]);
    // Those of other tests may still be on their way.
    const told = (): object[] =>
      consumer.of("quarantined").map(({ data }) => JSON.parse(data) as { device: string }).filter(({ device }) => device === imeiOf(802));
    for (let round = 0; round < 3; round++) {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, imeiOf(802));
      tracker.write(frame);
      await tracker.ended();
      expect(tracker.acks).toEqual([]);
    }
    await healthyStillServed();
    const { seq } = (await allRecords(gateway.url, healthy.imei)).at(-1)!;
    await consumer.until("the healthy record behind it", () => cursorParts(consumer.lastId).seq >= seq);
    expect(told()).toMatchObject([{ device: imeiOf(802), reason: "unknown_codec" }]);
  });

  test("odd values with a valid CRC are acknowledged, kept, marked and counted", async () => {
    const one = new TestDevice(803, "16");
    const [record] = one.records(1);
    const odd = { ...record!, time: 4_102_444_800_000, latRaw: 910_000_000, priority: 7, satellites: 9 };
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    const before = await counter("berth_records_invalid_total");
    expect(await tracker.send(one.frame([odd]).bytes)).toBe(1);
    expect((await allRecords(gateway.url, one.imei))[0]).toMatchObject({ time: 4_102_444_800_000, lat: 91, priority: 7, invalid: true });
    expect(await counter("berth_records_invalid_total")).toBe(before + 1);
    // What else it sends is as good as ever.
    expect(await tracker.send(one.frame(one.records(1)).bytes)).toBe(1);
    expect((await allRecords(gateway.url, one.imei))[1]).not.toHaveProperty("invalid");
    tracker.close();
  });

  test("a frame byte by byte, with pings between frames, is acknowledged like any other", async () => {
    const one = new TestDevice(804, "8");
    const tracker = await Tracker.open(gateway.tcpPort);
    for (const byte of encodeLogin(one.imei)) {
      tracker.write(Uint8Array.of(byte));
      await pause(2);
    }
    expect(await tracker.answered()).toBe(1);
    const before = await counter("berth_pings_total");
    const frame = one.frames(1, 2)[0]!;
    for (const byte of [0xff, ...frame.bytes, 0xff]) {
      tracker.write(Uint8Array.of(byte));
      await pause(1);
    }
    expect(await tracker.ack()).toBe(frame.records.length);
    await until("two pings counted", async () => await counter("berth_pings_total") === before + 2);
    tracker.close();
  });

  test("who does not finish a login is closed at the timeout, counted and logged", async () => {
    const before = await counter('berth_logins_total{outcome="timeout"}');
    const silent = await Tracker.open(gateway.tcpPort);
    const slow = await Tracker.open(gateway.tcpPort);
    slow.write(encodeLogin(imeiOf(805)).subarray(0, 5));
    await Promise.all([silent.ended(), slow.ended()]);
    expect([silent.login, slow.login]).toEqual([null, null]);
    expect(await counter('berth_logins_total{outcome="timeout"}')).toBe(before + 2);
    await until("a log line", () => gateway.log.some((line) => line.includes("login_timeout")));
    await healthyStillServed();
  }, 60_000);
});
