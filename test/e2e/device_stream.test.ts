/** The stream of a device from outside: a connection of it, with its configuration in full, then newer versions, never older ones. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { config, report, toldOf, versionOf } from "../support/config_asks.ts";
import { CommandTracker } from "../support/command_tracker.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { ask, device, devicesPage } from "../support/rest.ts";
import { history } from "../support/rivals.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

interface Given {
  readonly device: string;
  readonly fence: number;
  readonly version: number;
  readonly value: unknown;
}

const given = (stream: SseConsumer): Given[] => stream.of("config").map(({ data }) => JSON.parse(data) as Given);
const lastOf = (stream: SseConsumer): Given | undefined => given(stream).at(-1);
const open = (gateway: Gateway, id: string, query = ""): Promise<SseConsumer> =>
  SseConsumer.open(gateway.url, `/v1/devices/${id}/stream${query}`);
const reasonOf = (stream: SseConsumer): string | undefined =>
  stream.of("bye").map(({ data }) => (JSON.parse(data) as { reason: string }).reason)[0];

async function opened(gateway: Gateway, id: string, query = ""): Promise<SseConsumer> {
  const stream = await open(gateway, id, query);
  expect(stream.status).toBe(200);
  await stream.until("the snapshot", () => given(stream).length > 0);
  return stream;
}

/** Transitions of a device, as they were told since the beginning. */
async function transitions(gateway: Gateway, id: string, count: number): Promise<string[]> {
  const epoch = (await devicesPage(gateway.url)).cursor.replace(/\.\d+$/, "");
  const consumer = await SseConsumer.open(gateway.url, `/v1/events?device=${id}&kind=connected,replaced,disconnected`, `${epoch}.0`);
  await consumer.until("the transitions", () => consumer.events.length >= count);
  const told = consumer.events.filter(({ event }) => event !== "resync").map(({ event, data }) => {
    const { reason } = JSON.parse(data) as { reason?: string };
    return reason === undefined ? event : `${event} ${reason}`;
  });
  consumer.close();
  return told;
}

describe("the stream of a device", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 1, "http.heartbeat_ms": 200 } });
  });

  test("is a connection of it, with a fence, and says so when it ends", async () => {
    const stream = await opened(gateway, "sensor-1");
    const one = await device(gateway.url, "sensor-1");
    expect(one).toMatchObject({ connected: true, transport: "sse" });
    expect(one.origin.address).toBe("127.0.0.1");
    expect(given(stream)).toEqual([{ device: "sensor-1", fence: one.fence, version: 0, value: null }]);
    await stream.until("two heartbeats", () => stream.comments.length >= 2);
    stream.close();
    await until("offline", async () => !(await device(gateway.url, "sensor-1")).connected);
    expect(await transitions(gateway, "sensor-1", 2)).toEqual(["connected", "disconnected closed"]);
  });

  test("begins with the newest version in full, then has each newer one, and what the device says counts with its fence", async () => {
    (await opened(gateway, "sensor-2")).close();
    await versionOf(gateway.url, "sensor-2", { every: 1 });
    await versionOf(gateway.url, "sensor-2", { every: 2 });
    const stream = await opened(gateway, "sensor-2");
    expect(lastOf(stream)).toMatchObject({ version: 2, value: { every: 2 } });
    await versionOf(gateway.url, "sensor-2", { every: 3 });
    await stream.until("version 3", () => lastOf(stream)?.version === 3);
    const { fence } = lastOf(stream)!;
    expect((await report(gateway.url, "sensor-2", 3, "applied", { fence: fence - 1 })).status).toBe(409);
    expect((await report(gateway.url, "sensor-2", 3, "applied", { fence })).status).toBe(204);
    expect(await config(gateway.url, "sensor-2")).toMatchObject({ version: 3, applied: 3, pending: null });
    const events = await SseConsumer.open(
      gateway.url,
      "/v1/events?device=sensor-2&kind=config",
      `${(await devicesPage(gateway.url)).cursor.replace(/\.\d+$/, "")}.0`,
    );
    await events.until("its end", () => toldOf(events).includes("3 applied"));
    events.close();
    stream.close();
  });

  test("takes over from the one before it, which is told so last; the history pairs both", async () => {
    const first = await opened(gateway, "sensor-3");
    const second = await opened(gateway, "sensor-3");
    await first.until("its end", () => first.closed);
    expect(reasonOf(first)).toBe("superseded");
    expect(first.events.at(-1)!.event).toBe("bye");
    expect(second.closed).toBe(false);
    // The registry has ended the first; the journal writes it down after.
    const takeovers = await until("the takeover in the history", async () => {
      const all = await history(gateway.url, "sensor-3");
      return all.length > 0 && all;
    });
    expect(takeovers).toMatchObject([{
      policy: "takeover",
      old: { fence: lastOf(first)!.fence },
      new: { fence: lastOf(second)!.fence },
    }]);
    expect(lastOf(second)!.fence).toBeGreaterThan(lastOf(first)!.fence);
    second.close();
    await until("offline", async () => !(await device(gateway.url, "sensor-3")).connected);
    expect(await transitions(gateway, "sensor-3", 3)).toEqual(["connected", "replaced", "disconnected closed"]);
  });

  test("does not take the device from a tracker unless it says so", async () => {
    const tracker = await CommandTracker.loggedIn(gateway.tcpPort, "356307042449001");
    const refused = await open(gateway, "356307042449001");
    expect(refused.status).toBe(409);
    refused.close();
    expect((await device(gateway.url, "356307042449001")).transport).toBe("tcp");
    const stream = await opened(gateway, "356307042449001", "?takeover=true");
    await tracker.until("its end", () => tracker.closed);
    expect((await device(gateway.url, "356307042449001")).transport).toBe("sse");
    const again = await CommandTracker.loggedIn(gateway.tcpPort, "356307042449001");
    await stream.until("its end", () => stream.closed);
    expect(reasonOf(stream)).toBe("superseded");
    again.end();
  });

  test("is ended by a kick, and 1,000 quick connects leave one owner", async () => {
    const stream = await opened(gateway, "sensor-4");
    expect((await ask(gateway.url, "/v1/devices/sensor-4/kick", { method: "POST" })).status).toBe(204);
    await stream.until("its end", () => stream.closed);
    expect(reasonOf(stream)).toBe("kicked");
    const streams: SseConsumer[] = [];
    for (let i = 0; i < 20; i++) streams.push(...await Promise.all(Array.from({ length: 50 }, () => open(gateway, "sensor-4"))));
    await until("one is left", () => streams.filter(({ closed }) => !closed).length === 1);
    const fences = streams.map((one) => lastOf(one)?.fence ?? 0);
    const left = streams.find(({ closed }) => !closed)!;
    await left.until("its snapshot", () => given(left).length > 0);
    expect(lastOf(left)!.fence).toBeGreaterThanOrEqual(Math.max(...fences));
    expect((await device(gateway.url, "sensor-4")).fence).toBe(lastOf(left)!.fence);
    left.close();
  }, 60_000);

  test("of 1,000 changes during reconnects ends with the gateway's version, and none goes back", async () => {
    (await opened(gateway, "sensor-5")).close();
    let stop = false;
    const seen: number[] = [];
    let last: SseConsumer | null = null;
    const restless = (async () => {
      while (!stop) {
        const stream = await opened(gateway, "sensor-5");
        const from = given(stream)[0]!.version;
        await stream.until("some versions", () => stop || (lastOf(stream)?.version ?? 0) > from + 5);
        const versions = given(stream).map(({ version }) => version);
        expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
        seen.push(...versions);
        if (stop) last = stream;
        else stream.close();
      }
    })();
    for (let i = 1; i <= 1000; i++) await versionOf(gateway.url, "sensor-5", { i });
    stop = true;
    await restless;
    const stream = last ?? await opened(gateway, "sensor-5");
    await stream.until("the last version", () => lastOf(stream)?.version === 1000);
    expect(lastOf(stream)!.value).toEqual({ i: 1000 });
    // Over all its connections too.
    expect(seen.every((version, i) => i === 0 || version >= seen[i - 1]!)).toBe(true);
    expect(seen.length).toBeGreaterThan(20);
    stream.close();
  }, 60_000);
});

test("the streams of devices end with a last event when the gateway stops", async () => {
  const gateway = await Gateway.start({ settings: { workers: 1 } });
  const stream = await opened(gateway, "sensor-6");
  gateway.signal("SIGTERM");
  await stream.until("its end", () => stream.closed);
  expect(reasonOf(stream)).toBe("shutdown");
  expect((await gateway.ended()).code).toBe(0);
  const again = await Gateway.start({ settings: { workers: 1 }, data: gateway.data });
  expect(await transitions(again, "sensor-6", 2)).toEqual(["connected", "disconnected shutdown"]);
}, 60_000);
