/**
 * Peers that are gone without a word, on real sockets of a real gateway: a filter on the peer's own socket drops every
 * segment that comes for it, which needs no privilege. test/e2e/liveness_netns.test.ts does it with a network.
 */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { descriptorsOf } from "../support/descriptors.ts";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { type Accept, ACCEPTS, endEverything, type Gateway, type SettingsText } from "../support/gateway.ts";
import { startWith } from "../support/main_job.ts";
import { timed } from "../support/processor_wait.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { device, devicesPage, metric } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { pause, until } from "../support/until.ts";

setDefaultTimeout(30_000);
afterAll(endEverything);

const DEAD_PEERS = 40;

let gateway: Gateway;
let peers: RawPeer[] = [];

async function start(accept: Accept, settings: SettingsText): Promise<void> {
  gateway = await startWith(accept, { settings });
}

/** A peer that has logged in and sends no more. */
async function hold(imei: string): Promise<RawPeer> {
  const peer = RawPeer.connect(gateway.tcpPort);
  peers.push(peer);
  peer.send(encodeLogin(imei));
  expect(await until(`the login of ${imei}`, () => peer.receive())).toEqual(Uint8Array.of(1));
  return peer;
}

afterEach(async () => {
  for (const peer of peers) peer.close();
  peers = [];
  expect(await gateway.stop()).toEqual({ code: 0, signal: null });
});

describe.each([...ACCEPTS])("a peer whose packets are dropped, accept %s", (accept) => {
  test("is offline within keepalive's bound, its descriptor returns, and a live one stays", async () => {
    await start(accept, {
      "tcp.keep_alive_idle_s": 1,
      "tcp.keep_alive_interval_s": 1,
      "tcp.keep_alive_probes": 2,
      "tcp.user_timeout_ms": 1000,
    });
    const consumer = await SseConsumer.open(gateway.url);
    const live = await hold(imeiOf(1));
    const before = descriptorsOf(gateway);
    const dead = await Promise.all(Array.from({ length: DEAD_PEERS }, (_, i) => hold(imeiOf(100 + i))));
    await until("a descriptor for each", () => descriptorsOf(gateway) === before + DEAD_PEERS);
    for (const peer of dead) peer.blackhole();
    const offline = async (): Promise<boolean> => (await devicesPage(gateway.url, "?connected=true")).devices.length === 1;
    const { tookMs, starvedMs } = await timed(gateway.pid, () => until("every dead one offline", offline));
    // Silent for a second, asked, and asked again a second later.
    expect(tookMs - starvedMs).toBeLessThan(3500);
    await until("their descriptors", () => descriptorsOf(gateway) === before);
    await consumer.until("every end told", () => consumer.of("disconnected").length >= DEAD_PEERS);
    const reasons = consumer.of("disconnected").map((event) => (JSON.parse(event.data) as { reason: string }).reason);
    expect(reasons).toEqual(Array.from({ length: DEAD_PEERS }, () => "lost"));
    expect(await metric(gateway.url, 'berth_closed_total{reason="lost"}')).toBe(DEAD_PEERS);
    expect([(await device(gateway.url, imeiOf(1))).connected, live.receive()]).toEqual([true, null]);
    consumer.close();
  });

  test("loses its device within the probe's deadline under reject; one that answers keeps it", async () => {
    await start(accept, { policy: "reject", "admission.tracker_probe_ms": 2000, "tcp.afterlife_ms": 1500 });
    const [silent, alive] = [await hold(imeiOf(1)), await hold(imeiOf(2))];
    const before = descriptorsOf(gateway);
    silent.blackhole();
    const began = performance.now();
    const login = async (n: number): Promise<{ tracker: Tracker; answer: number; tookMs: number }> => {
      const tracker = await Tracker.open(gateway.tcpPort);
      tracker.write(encodeLogin(imeiOf(n)));
      return { tracker, answer: await tracker.answered(), tookMs: performance.now() - began };
    };
    const both = Promise.all([login(1), login(2)]);
    const { starvedMs } = await timed(gateway.pid, () => both);
    const [taker, refused] = await both;
    expect([taker.answer, refused.answer]).toEqual([1, 0]);
    expect(taker.tookMs).toBeGreaterThan(1900);
    expect(taker.tookMs - starvedMs).toBeLessThan(2500);
    // The kernel asks a second after it last heard the peer.
    expect(refused.tookMs - starvedMs).toBeLessThan(1900);
    const one = new TestDevice(1, "8E");
    expect(await taker.tracker.send(one.frame(one.records(2)).bytes)).toBe(2);
    // The dead holder's FIN and reset go nowhere; its descriptor comes back all the same.
    await until("descriptors", () => descriptorsOf(gateway) === before);
    expect([(await device(gateway.url, imeiOf(2))).origin.port, alive.receive()]).toEqual([alive.port, null]);
    expect(await metric(gateway.url, 'berth_probe_results_total{outcome="answered"}')).toBe(1);
    await until("it counted as silent", async () => (await metric(gateway.url, 'berth_evicted_peers_total{stack="silent"}')) === 1);
    taker.tracker.close();
  });
});

describe.each([...ACCEPTS])("a live connection, accept %s", (accept) => {
  test("is shown with its newest byte and its kernel's word, and its loss of the device with the same evidence", async () => {
    await start(accept, {});
    const consumer = await SseConsumer.open(gateway.url);
    const [imei, one] = [imeiOf(1), new TestDevice(1, "8E")];
    const began = Date.now();
    await hold(imei);
    const seen = await until("a sample of its kernel", async () => {
      const shown = await device(gateway.url, imei);
      return shown.liveness?.kernel !== null && shown;
    });
    expect(seen.lastByteAt).toBeWithin(began, Date.now() + 1);
    expect(seen.liveness!.inFlight).toBe(0);
    expect(seen.liveness!.kernel!.lastAckAt).toBeWithin(began - 100, Date.now() + 1);
    expect(seen.liveness!.kernel!.rttMs).toBeGreaterThan(0);
    const next = await Tracker.loggedIn(gateway.tcpPort, imei);
    expect(await next.send(one.frame(one.records(1)).bytes)).toBe(1);
    const told = await until("the takeover", () => consumer.of("replaced")[0]);
    const { evidence } = JSON.parse(told.data) as { evidence: Record<string, unknown> };
    expect(evidence).toMatchObject({ oldLastByteAt: seen.lastByteAt, oldInFlight: 0, oldKernel: { retransmits: 0 } });
    next.close();
    await until("offline", async () => (await device(gateway.url, imei)).liveness === null);
    consumer.close();
  });
});

test("a holder that was silent for longer than the user timeout, and answers late, is not ended by its probe", async () => {
  await start("fd", { policy: "reject", "admission.tracker_probe_ms": 8000, "tcp.user_timeout_ms": 1000 });
  const sleeping = await hold(imeiOf(1));
  await pause(1500);
  sleeping.blackhole();
  const tracker = await Tracker.open(gateway.tcpPort);
  tracker.write(encodeLogin(imeiOf(1)));
  // Time for two unanswered questions; with the user timeout in force the first would be the end.
  await pause(2500);
  sleeping.heal();
  expect(await tracker.answered()).toBe(0);
  expect([sleeping.receive(), (await device(gateway.url, imeiOf(1))).origin.port]).toEqual([null, sleeping.port]);
});
