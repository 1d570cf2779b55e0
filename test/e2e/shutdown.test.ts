/** SIGTERM with everything open that can be: what is kept, who is told, and what is left. Interleavings are held, not slept. */
import { afterAll, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DeafSocket } from "../support/deaf_socket.ts";
import { TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { type Accept, ACCEPTS, endEverything, Gateway } from "../support/gateway.ts";
import { HeldGateway } from "../support/held.ts";
import { rejection } from "../support/rejection.ts";
import { allRecords, device, devicesPage } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const STOPPED = { code: 0, signal: null };
/** [process] shutdown_ms: all of it. */
const WHOLE_MS = 10_000;

/** Why the device's last connection ended, as the events of a gateway on the same data tell it. */
async function lastReason(gateway: Gateway, imei: string): Promise<string> {
  const start = `${await epochOf(gateway.url)}.0`;
  const { fence } = await device(gateway.url, imei);
  const consumer = await SseConsumer.open(gateway.url, `/v1/events?device=${imei}&kind=disconnected`, start);
  const ends = () => consumer.of("disconnected").map(({ data }) => JSON.parse(data) as { fence: number; reason: string });
  const last = await consumer.until("its end", () => ends().find((each) => each.fence === fence) ?? false);
  consumer.close();
  return last.reason;
}

async function epochOf(url: string): Promise<string> {
  const { cursor } = (await (await fetch(`${url}/v1/devices?limit=1`)).json()) as { cursor: string };
  return cursor.slice(0, cursor.lastIndexOf("."));
}

/** Its commit is over, so that the next one is of what comes now. One device is answered by the registry, which knows before; all of them are what was committed. */
const loginKept = (gateway: Gateway): Promise<true> =>
  until("the login's commit", async () => (await devicesPage(gateway.url)).devices.length === 1);

/** Nothing of a transaction is left beside the store, and the store is whole. */
function expectClosedStore(data: string): void {
  expect(readdirSync(data).filter((name) => /-(wal|shm|journal)$/.test(name) || name.endsWith(".pid"))).toEqual([]);
  const db = new Database(join(data, "berth.db"), { readonly: true });
  expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  db.close();
}

/** The lock file stays, to be locked again; nobody has it. */
function expectFreeLock(data: string): void {
  const lock = new Database(join(data, "lock.sqlite"));
  lock.run("BEGIN EXCLUSIVE");
  lock.run("ROLLBACK");
  lock.close();
}

/** Somebody of every kind: a consumer that takes nothing, half a frame, a full window, a socket that said nothing. */
async function crowd(gateway: Gateway): Promise<{ imei: string; half: Tracker; silent: Tracker; frame: Uint8Array; close: () => void }> {
  const [one, deafOne] = [new TestDevice(3001, "8E"), new TestDevice(3002, "8")];
  const blocked = DeafSocket.consumer(Number(new URL(gateway.url).port));
  const half = await Tracker.loggedIn(gateway.tcpPort, one.imei);
  const { bytes } = one.frame(one.records(3));
  expect(await half.send(one.frame(one.records(2)).bytes)).toBe(2);
  half.write(bytes.subarray(0, bytes.length / 2));
  const many = await Tracker.loggedIn(gateway.tcpPort, deafOne.imei);
  for (let left = 50; left > 0; left--) expect(await many.send(deafOne.frame(deafOne.records(20)).bytes)).toBe(20);
  await until("a blocked reader", () => blocked.windowIsFull);
  const deaf = DeafSocket.tracker(gateway.tcpPort, deafOne.imei);
  await deaf.fill(deafOne.frame(deafOne.records(1)).bytes);
  const silent = await Tracker.open(gateway.tcpPort);
  await until("its socket", async () => (await device(gateway.url, deafOne.imei)).connected);
  const close = (): void => (blocked.close(), deaf.close());
  return { imei: one.imei, half, silent, frame: bytes, close };
}

describe.each([...ACCEPTS])("SIGTERM, accept %s", (accept: Accept) => {
  test("with a blocked reader, half a frame, a full window and a silent socket is over in time and leaves nothing", async () => {
    const script = new URL("../support/shutdown_process.ts", import.meta.url).pathname;
    const gateway = await Gateway.start({ command: [process.execPath, script], settings: { "tcp.accept": accept, workers: 2 } });
    const ready = await until("the list of threads", () => gateway.log.find((line) => line.includes('"threads"')));
    const threads = (JSON.parse(ready) as { threads: { id: number }[] }).threads.map(({ id }) => String(id));
    const { imei, half, silent, frame, close } = await crowd(gateway);
    const began = performance.now();
    expect(await gateway.stop()).toEqual(STOPPED);
    expect(performance.now() - began).toBeLessThan(WHOLE_MS);
    expect(await half.ended()).toBe("fin");
    expect(await silent.ended()).toBe("fin");
    const returned = JSON.parse(gateway.out.at(-1)!) as { code: number; descriptors: unknown[]; threads: string[] };
    expect([returned.code, returned.descriptors]).toEqual([0, []]);
    expect(returned.threads.filter((id) => threads.includes(id))).toEqual([]);
    expect(gateway.logText).not.toContain("something keeps them");
    expectClosedStore(gateway.data);
    expectFreeLock(gateway.data);
    expect(existsSync(join(gateway.data, "berth.pid"))).toBe(false);
    expect(await rejection(Tracker.open(gateway.tcpPort))).toContain("ECONNREFUSED");
    close();
    const again = await Gateway.start({ data: gateway.data });
    expect(await lastReason(again, imei)).toBe("shutdown");
    const tracker = await Tracker.loggedIn(again.tcpPort, imei);
    expect(await tracker.send(frame)).toBe(3);
    expect(await allRecords(again.url, imei)).toHaveLength(5);
    tracker.close();
    expect(await again.stop()).toEqual(STOPPED);
  }, 120_000);
});

test("SIGTERM with nothing to wait for: every thread ends by itself", async () => {
  const gateway = await Gateway.start({ settings: { workers: 2, "http.bye_ms": 10_000 } });
  expect((await fetch(`${gateway.url}/v1/devices`)).status).toBe(200);
  const tracker = await Tracker.loggedIn(gateway.tcpPort, new TestDevice(3003, "8").imei);
  expect(await gateway.stop()).toEqual(STOPPED);
  expect(await tracker.ended()).toBe("fin");
  expect(gateway.logText).not.toContain("something keeps them");
}, 20_000);

describe("SIGTERM while a thread is held", () => {
  test("in the middle of a commit: the frames are answered after it, then FIN", async () => {
    // Passing 1 is the start's own commit, 2 the login's.
    const held = await HeldGateway.start("journal.commit", 3);
    const { gateway } = held;
    const one = new TestDevice(3010, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    const consumer = await SseConsumer.open(gateway.url);
    await loginKept(gateway);
    expect(consumer.status).toBe(200);
    tracker.write(one.frame(one.records(4)).bytes);
    await held.held();
    await held.beginStop();
    expect(tracker.acks).toEqual([]);
    held.letGo();
    expect(await tracker.ack()).toBe(4);
    expect(await tracker.ended()).toBe("fin");
    expect(await gateway.ended()).toEqual(STOPPED);
    await consumer.until("the stream's end", () => consumer.closed);
    expect(consumer.events.map(({ event }) => event).slice(-2)).toEqual(["disconnected", "bye"]);
    expect(JSON.parse(consumer.events.at(-1)!.data)).toMatchObject({ reason: "shutdown" });
    expectClosedStore(gateway.data);
  }, 90_000);

  test("between commit and acknowledgement: both records and answer survive it", async () => {
    const held = await HeldGateway.start("journal.after_commit", 3);
    const { gateway } = held;
    const one = new TestDevice(3011, "16");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await loginKept(gateway);
    tracker.write(one.frame(one.records(2)).bytes);
    await held.held();
    await held.beginStop();
    held.letGo();
    expect(await tracker.ack()).toBe(2);
    expect(await gateway.ended()).toEqual(STOPPED);
    const again = await Gateway.start({ data: gateway.data });
    expect(await allRecords(again.url, one.imei)).toHaveLength(2);
    expect(await again.stop()).toEqual(STOPPED);
  }, 90_000);

  test("with a login pending: closed unanswered or ended like the others, and online nowhere", async () => {
    const held = await HeldGateway.start("registry.loop", 5, { settings: { "process.idle_wait_ms": 10 } });
    const { gateway } = held;
    await held.held();
    const one = new TestDevice(3012, "8");
    const tracker = await Tracker.open(gateway.tcpPort);
    tracker.write(encodeLogin(one.imei));
    await until("the claim on its way", async () => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return Number(/berth_ring_bytes\{ring="claims"\} (\d+)/.exec(text)?.[1] ?? 0) > 0;
    });
    await held.beginStop();
    held.letGo();
    expect(await tracker.ended()).toBe("fin");
    expect(await gateway.ended()).toEqual(STOPPED);
    expectClosedStore(gateway.data);
    const again = await Gateway.start({ data: gateway.data });
    const { devices } = (await (await fetch(`${again.url}/v1/devices?connected=true`)).json()) as { devices: unknown[] };
    expect(devices).toEqual([]);
    // Admitted or not; a worker that had begun to close the socket by then told the device nothing.
    const { status } = await fetch(`${again.url}/v1/devices/${one.imei}`);
    expect(tracker.login === 1 ? [200] : [200, 404]).toContain(status);
    if (status === 200) expect(await lastReason(again, one.imei)).toBe("shutdown");
    expect(await again.stop()).toEqual(STOPPED);
  }, 90_000);

  test("the same signal from a terminal and from a launcher is one: it drains", async () => {
    const held = await HeldGateway.start("journal.commit", 3);
    const { gateway } = held;
    const one = new TestDevice(3015, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await loginKept(gateway);
    tracker.write(one.frame(one.records(3)).bytes);
    await held.held();
    for (let i = 0; i < 3; i++) gateway.signal("SIGINT");
    held.letGo();
    expect(await tracker.ack()).toBe(3);
    expect(await gateway.ended()).toEqual(STOPPED);
  }, 90_000);

  test("a second signal ends at once, and nothing acknowledged is lost", async () => {
    const held = await HeldGateway.start("journal.commit", 4);
    const { gateway } = held;
    const one = new TestDevice(3013, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await loginKept(gateway);
    expect(await tracker.send(one.frame(one.records(3)).bytes)).toBe(3);
    tracker.write(one.frame(one.records(3)).bytes);
    await held.held();
    await held.beginStop();
    await until("its end", () => {
      // Until it is no longer taken for the first one.
      gateway.signal("SIGTERM");
      return gateway.hasEnded();
    });
    expect(await gateway.ended()).toEqual({ code: 143, signal: null });
    const again = await Gateway.start({ data: gateway.data });
    expect((await allRecords(again.url, one.imei)).length).toBeGreaterThanOrEqual(3);
    expect(await again.stop()).toEqual(STOPPED);
  }, 90_000);

  test("past the hard limit: exit status 1, says who it waited for, and nothing acknowledged is lost", async () => {
    const settings = { "process.shutdown_ms": 300, "process.shutdown_hard_ms": 2000, "process.drain_ms": 50 };
    const held = await HeldGateway.start("journal.commit", 4, { settings });
    const { gateway } = held;
    const one = new TestDevice(3014, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
    await loginKept(gateway);
    expect(await tracker.send(one.frame(one.records(3)).bytes)).toBe(3);
    tracker.write(one.frame(one.records(1)).bytes);
    await held.held();
    await held.beginStop();
    expect(await gateway.ended()).toEqual({ code: 1, signal: null });
    expect(gateway.logText).toContain("not done at the hard limit, in commitLast: journal");
    const again = await Gateway.start({ data: gateway.data });
    expect((await allRecords(again.url, one.imei)).length).toBeGreaterThanOrEqual(3);
    expect(await lastReason(again, one.imei)).toBe("restart");
    expect(await again.stop()).toEqual(STOPPED);
  }, 90_000);
});
