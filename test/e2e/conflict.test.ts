/**
 * Two live devices with one identity, from outside: told once, with both origins. And what looks like it and is not: a link
 * that flaps, a pool of addresses, a rolling deploy. Silence is made by a filter on the peer's own socket.
 */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeFrame } from "../support/frames.ts";
import { type Accept, ACCEPTS, endEverything, type Gateway, type SettingsText } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { timed } from "../support/processor_wait.ts";
import { ask, device, metric } from "../support/rest.ts";
import {
  type ConflictJson,
  conflicts,
  eventsOf,
  history,
  Rival,
  take,
  type TakeoverJson,
  takeRaw,
  untilAllKept,
} from "../support/rivals.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);
afterAll(endEverything);

const IMEI = imeiOf(1);
const [A, B] = ["127.0.0.2", "127.0.0.3"] as const;
/** What is silent is known to be so sooner. */
const QUICK = { "tcp.afterlife_ms": 1200, "conflict.watched_takeovers": 128 };

let gateway: Gateway;
let consumer: SseConsumer;
let closing: { close(): void }[] = [];

async function start(accept: Accept, settings: SettingsText = {}): Promise<void> {
  gateway = await startWith(accept, { settings });
  consumer = await SseConsumer.open(gateway.url);
}
const later = <T extends { close(): void }>(one: T): T => {
  closing.push(one);
  return one;
};
const told = (): ConflictJson[] => eventsOf(consumer, "conflict", IMEI);
const takeovers = (): TakeoverJson[] => eventsOf(consumer, "replaced", IMEI);
const verdicts = async (): Promise<(string | null)[]> =>
  (await history(gateway.url, IMEI, "?limit=1000")).map(({ evidence }) => evidence.verdict);
const only = (...allowed: (string | null)[]) => (verdict: string | null): boolean => allowed.includes(verdict);

async function expectNoConflict(): Promise<void> {
  expect([told(), await conflicts(gateway.url), await metric(gateway.url, "berth_conflicts_total")]).toEqual([[], [], 0]);
}

afterEach(async () => {
  for (const one of closing) one.close();
  closing = [];
  consumer.close();
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
});

describe.each([...ACCEPTS])("identity conflict, accept %s", (accept) => {
  test("two live origins that reconnect after 1 s are told once, within 15 s of the second alternation", async () => {
    await start(accept);
    const rivals = [A, B].map((from) => new Rival(gateway, IMEI, from, 1000));
    await until("a conflict", () => told().length > 0, 30_000);
    // The fourth takeover brings the second alternation: A, B, A, B, A.
    expect(told()[0]!.at - takeovers()[3]!.at).toBeLessThanOrEqual(15_000);
    const before = takeovers().length;
    await until("the fight to go on", () => takeovers().length >= before + 4, 20_000);
    const [one] = await conflicts(gateway.url);
    expect([one!.device, one!.verdict, one!.action, one!.acknowledgedAt]).toEqual([IMEI, "clone", "observe", null]);
    expect(one!.origins.map(({ address }) => address).toSorted()).toEqual([A, B]);
    expect([one!.takeovers >= 4, one!.alternations >= 2, one!.windowMs, one!.fence]).toEqual([true, true, 120_000, one!.origins[1]!.fence]);
    expect(one!.evidence).toEqual({ rule: "alternations", differ: ["address"], movement: null });
    const event = consumer.of("conflict")[0]!;
    expect([event.id, (JSON.parse(event.data) as { fence: number }).fence]).toEqual([one!.id, one!.fence]);
    expect((await ask(gateway.url, `/v1/conflicts/${one!.id}/acknowledge`, { method: "POST" })).status).toBe(204);
    const acknowledged = await conflicts(gateway.url, "?acknowledged=true");
    expect([acknowledged.length, typeof acknowledged[0]?.acknowledgedAt]).toEqual([1, "number"]);
    const after = takeovers().length;
    await until("the fight to go on", () => takeovers().length >= after + 2, 20_000);
    await Promise.all(rivals.map((rival) => rival.stop()));
    await until("the loser heard", async () => (await verdicts())[0] === "clone");
    expect([told().length, await metric(gateway.url, "berth_conflicts_total")]).toEqual([1, 1]);
    expect(await conflicts(gateway.url, "?acknowledged=false")).toEqual([]);
  });

  test("two in two towns behind one address are told, with what each sends and what one vehicle would have had to do", async () => {
    await start(accept);
    const town = (latRaw: number, id: number) => ({
      ...new TestDevice(1, "8E").records(1)[0]!,
      eventId: 0,
      satellites: 9,
      lonRaw: 0,
      latRaw,
      io: [{ id, hex: "01" }],
    });
    const towns = [town(546_900_000, 239), town(404_200_000, 240)] as const;
    for (let i = 0; i < 5; i++) {
      const tracker = later(await take(gateway, IMEI, A));
      const record = towns[i % 2]!;
      expect(await tracker.send(encodeFrame("8E", [{ ...record, time: record.time + i * 1000 }]))).toBe(1);
    }
    await until("a conflict", () => told().length > 0);
    const [one] = await conflicts(gateway.url);
    expect([one!.verdict, one!.alternations, one!.evidence!.differ]).toEqual(["clone", 2, ["codec", "movement"]]);
    // By the places alone when the second alternation is known before the loser was heard.
    expect(["alternations", "movement"]).toContain(one!.evidence!.rule);
    const { km, seconds, kmh } = one!.evidence!.movement!;
    expect([km, seconds, kmh! > 1_000_000]).toEqual([1587, 1, true]);
    const codecs = one!.origins.map(({ address, codec }) => [address, codec?.slice(0, 3)]);
    expect([codecs, new Set(one!.origins.map(({ codec }) => codec)).size]).toEqual([[[A, "8E/"], [A, "8E/"]], 2]);
    expect(told()[0]!.evidence).toEqual(one!.evidence);
    // On a gateway with nothing else to do each is answered when it is on the disk, not when the registry looks next.
    const { tookMs, starvedMs } = await timed(gateway.pid, async () => {
      for (let i = 0; i < 10; i++) {
        expect((await ask(gateway.url, `/v1/conflicts/${one!.id}/acknowledge`, { method: "POST" })).status).toBe(204);
      }
    });
    expect(tookMs - starvedMs).toBeLessThan(2500);
  });

  test("one origin that flaps, 100 quick reconnects, is never told", async () => {
    await start(accept, QUICK);
    for (let i = 0; i < 40; i++) later(await take(gateway, IMEI, A));
    for (let i = 0; i < 60; i++) {
      const peer = later(await takeRaw(gateway, IMEI, A));
      if (i % 2 === 0) peer.blackhole();
    }
    await untilAllKept(gateway, IMEI);
    expect((await verdicts()).every(only(null, "restart_loop", "flaky_link"))).toBe(true);
    expect((await verdicts()).filter((verdict) => verdict === "flaky_link").length).toBe(30);
    await expectNoConflict();
  });

  test("a pool of addresses, of which one at a time is live, is never told", async () => {
    await start(accept, QUICK);
    for (let i = 0; i < 40; i++) {
      const peer = later(await takeRaw(gateway, IMEI, i < 20 ? [A, B][i % 2]! : `127.0.0.${4 + (i % 7)}`));
      peer.blackhole();
    }
    await untilAllKept(gateway, IMEI);
    const all = await verdicts();
    expect([all.length, all.every(only("nat_rebind"))]).toEqual([39, true]);
    await expectNoConflict();
  });

  test("an address that changes at each reconnect, the old connection ended first, is never told", async () => {
    await start(accept);
    for (let i = 0; i < 60; i++) {
      const tracker = await take(gateway, IMEI, [A, B][i % 2]!);
      if (i % 3 === 0) tracker.reset();
      else tracker.close();
    }
    const count = (kind: string): number => eventsOf(consumer, kind, IMEI).length;
    await until("all that happened", () => count("connected") + count("replaced") === 60 && count("disconnected") === count("connected"));
    expect((await verdicts()).every(only(null, "nat_rebind"))).toBe(true);
    await expectNoConflict();
  });

  test("a rolling deploy, whose old instances are live and try again once, is never told", async () => {
    await start(accept);
    for (let i = 10; i < 22; i++) later(await take(gateway, IMEI, `127.0.0.${i}`));
    for (const from of [A, B, A, B]) later(await take(gateway, IMEI, from));
    await untilAllKept(gateway, IMEI);
    expect(await verdicts()).toHaveLength(15);
    expect((await verdicts()).every(only(null))).toBe(true);
    await expectNoConflict();
  });
});

test("identity conflict, action quarantine: what both send is kept and marked, moves no position, until it is quiet", async () => {
  await start("fd", { "conflict.action": "quarantine", "conflict.conflict_quiet_ms": 4000 });
  const one = new TestDevice(1, "8E");
  const send = async (tracker: Tracker): Promise<number> => {
    expect(await tracker.send(one.frame(one.records(2)).bytes)).toBe(2);
    return (await device(gateway.url, IMEI)).position?.time ?? 0;
  };
  const first = await take(gateway, IMEI, A);
  const before = await until("a position", async () => await send(first));
  const unmarked = (await device(gateway.url, IMEI)).records;
  for (const from of [B, A, B, A]) await take(gateway, IMEI, from);
  await until("a conflict", () => told()[0]);
  expect(told()[0]!.action).toBe("quarantine");
  const rival = await take(gateway, IMEI, B);
  expect(await send(rival)).toBe(before);
  const holder = await take(gateway, IMEI, A);
  expect(await send(holder)).toBe(before);
  const marks = async (): Promise<(boolean | undefined)[]> =>
    (await ask<{ records: { quarantined?: boolean }[] }>(gateway.url, `/v1/devices/${IMEI}/records?limit=1000`)).json.records.map((each) =>
      each.quarantined
    );
  expect(await marks()).toEqual([...Array.from({ length: unmarked }, () => undefined), true, true, true, true]);
  const live = (): (boolean | undefined)[] =>
    eventsOf<{ quarantined?: boolean }>(consumer, "record", IMEI).map(({ quarantined }) => quarantined);
  await consumer.until("all records", () => live().length === unmarked + 4);
  expect(live()).toEqual(await marks());
  await until("quiet", async () => await send(holder) > before, 20_000);
  expect((await marks()).at(-1)).toBeUndefined();
  expect(await metric(gateway.url, 'berth_records_total{outcome="stored"}')).toBe((await marks()).length);
});

describe("identity conflict, action hold", () => {
  const HOLD = { "conflict.action": "hold", "conflict.hold_ms": 1500, "tcp.refused_window_ms": 200, "admission.tracker_probe_ms": 3000 };

  test("the present one keeps the device; the other is refused, and has it when the present one is gone", async () => {
    await start("fd", HOLD);
    for (const from of [A, B, A, B, A]) await take(gateway, IMEI, from);
    const held = await until("a conflict", () => told()[0]);
    expect([held.action, held.origins[1]!.address]).toEqual(["hold", A]);
    const other = new Rival(gateway, IMEI, B, 100);
    // Longer than the first cool-down: between two of them the holder is probed, and answers.
    await until("refusals", () => other.refused >= 20, 20_000);
    await until("the holder probed", async () => (await metric(gateway.url, 'berth_probe_results_total{outcome="answered"}')) > 0);
    expect([other.admitted, (await device(gateway.url, IMEI)).fence]).toEqual([0, held.fence]);
    const refused = await consumer.until("refusals told", () => {
      const all = eventsOf<{ reason: string; count: number }>(consumer, "refused", IMEI);
      return all.length > 0 && all;
    });
    expect(refused.every(({ reason }) => reason === "conflict")).toBe(true);
    expect(await metric(gateway.url, 'berth_logins_total{outcome="conflict"}')).toBeGreaterThanOrEqual(20);
    // Its own reconnects are nobody's business.
    const again = await take(gateway, IMEI, A);
    const one = new TestDevice(1, "8E");
    expect(await again.send(one.frame(one.records(2)).bytes)).toBe(2);
    again.close();
    await until("the other one in", () => other.admitted === 1, 20_000);
    await other.stop();
    expect(told()).toHaveLength(1);
  });

  test("a holder that went silent loses the device when the cool-down is over", async () => {
    await start("fd", HOLD);
    for (const from of [A, B, A, B]) await take(gateway, IMEI, from);
    const silent = later(await takeRaw(gateway, IMEI, A));
    await until("a conflict", () => told()[0]);
    silent.blackhole();
    const other = await Tracker.open(gateway.tcpPort, "127.0.0.1", B);
    other.close();
    const rival = new Rival(gateway, IMEI, B, 100);
    await until("the other one in", () => rival.admitted === 1, 20_000);
    expect((await device(gateway.url, IMEI)).origin.address).toBe(B);
    await rival.stop();
  });
});
