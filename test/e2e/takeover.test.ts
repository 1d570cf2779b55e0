/** One live connection per device, from outside: a thousand at once, quick reconnects, late ends of old sockets. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { ACCEPTS, endEverything, type Gateway } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { device, metrics } from "../support/rest.ts";
import { SseConsumer, type SseEvent } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { timed } from "../support/processor_wait.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

/** The sum of a metric over all its labels. */
const total = (all: ReadonlyMap<string, number>, name: string): number =>
  [...all].reduce((sum, [key, value]) => (key === name || key.startsWith(`${name}{`) ? sum + value : sum), 0);

describe.each([...ACCEPTS])("takeover, accept %s", (accept) => {
  let gateway: Gateway;
  let consumer: SseConsumer;
  let previous: Tracker | null = null;

  beforeAll(async () => {
    gateway = await startWith(accept);
    consumer = await SseConsumer.open(gateway.url);
  });
  const dataOf = (event: SseEvent) => JSON.parse(event.data) as { device: string; fence: number };
  const eventsOf = (imei: string) => consumer.events.filter((event) => event.event !== "record" && dataOf(event).device === imei);

  test("1,000 concurrent connects of one identity leave one owner, and opened − closed is 1", async () => {
    const one = new TestDevice(900, "8");
    const trackers = await Promise.all(Array.from({ length: 1000 }, () => Tracker.open(gateway.tcpPort)));
    for (const tracker of trackers) tracker.write(encodeLogin(one.imei));
    await until("one owner", () => trackers.filter((tracker) => tracker.end === null).length === 1, 15_000);
    const owner = trackers.find((tracker) => tracker.end === null)!;
    expect(await owner.answered()).toBe(1);
    expect(await owner.send(one.frame(one.records(2)).bytes)).toBe(2);
    await until("999 closes", async () => {
      const all = await metrics(gateway.url);
      return total(all, "berth_accepted_total") - total(all, "berth_closed_total") === 1;
    });
    const all = await metrics(gateway.url);
    expect([total(all, "berth_connections"), total(all, "berth_evictions_total")]).toEqual([1, 999]);
    expect(all.get('berth_evictions_total{reason="superseded"}')).toBe(999);
    await until("999 FINs", () => trackers.filter(({ end }) => end === "fin").length === 999);
    const shown = await device(gateway.url, one.imei);
    expect([shown.connected, shown.origin.port, shown.records]).toEqual([true, owner.localPort, 2]);
    await until("all events", () => eventsOf(one.imei).length >= 1000);
    const events = eventsOf(one.imei);
    expect(events.map((event) => event.event)).toEqual(["connected", ...Array.from({ length: 999 }, () => "replaced" as const)]);
    const fences = events.map((event) => dataOf(event).fence);
    expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b));
    expect(shown.fence).toBe(fences.at(-1)!);
    owner.close();
    await until("offline", async () => !(await device(gateway.url, one.imei)).connected);
  });

  test("a successor does not wait for its predecessor, and that one is closed, 50 of 50", async () => {
    const one = new TestDevice(901, "16");
    for (let round = 0; round < 50; round++) {
      let next!: Tracker;
      const { tookMs, starvedMs } = await timed(gateway.pid, async () => {
        next = await Tracker.loggedIn(gateway.tcpPort, one.imei);
        expect(await next.send(one.frame(one.records(1)).bytes)).toBe(1);
      });
      expect(tookMs - starvedMs).toBeLessThan(1000);
      if (previous !== null) {
        const closed = await timed(gateway.pid, () => previous!.ended());
        expect(closed.tookMs - closed.starvedMs).toBeLessThan(1200);
      }
      previous = next;
    }
  });

  test("a connect right after the holder died by a reset succeeds the first time, 100 of 100", async () => {
    const one = new TestDevice(902, "8E");
    for (let round = 0; round < 100; round++) {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      tracker.reset();
    }
    await until("offline", async () => !(await device(gateway.url, one.imei)).connected);
    const count = (...kinds: string[]) => eventsOf(one.imei).filter((event) => kinds.includes(event.event)).length;
    // The registry knows at once; the events follow their commit.
    await until("100 admissions told", () => count("connected", "replaced") >= 100 && count("disconnected") >= count("connected"));
    expect([count("connected", "replaced"), count("disconnected")]).toEqual([100, count("connected")]);
  });

  test("a frame that the old connection still sent is never acknowledged after the new one owns the device", async () => {
    const imei = imeiOf(903);
    const one = new TestDevice(903, "8E");
    for (let round = 0; round < 30; round++) {
      const old = await Tracker.loggedIn(gateway.tcpPort, imei);
      const next = await Tracker.open(gateway.tcpPort);
      const frame = one.frame(one.records(3));
      old.write(frame.bytes);
      next.write(encodeLogin(imei));
      expect(await next.answered()).toBe(1);
      // Kept or not, the device sends it again, and it is stored once.
      expect(await next.send(frame.bytes)).toBe(3);
      await old.ended(1500);
      next.close();
    }
    expect((await device(gateway.url, imei)).records).toBe(90);
  });
});
