/** Commands to a device that has its own stream and asks for them there: given as events, answered by requests, and ended once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { command, inState, statesTold, submit } from "../support/command_asks.ts";
import { CommandTracker } from "../support/command_tracker.ts";
import { config, versionOf } from "../support/config_asks.ts";
import { denoBerth } from "../support/deno_command.ts";
import { endEverything, Gateway, type GatewayOptions, temporaryData } from "../support/gateway.ts";
import { ask, device, type Problem } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

interface Given {
  readonly device: string;
  readonly fence: number;
  readonly id: string;
  readonly text: string;
}

const SETTINGS = { workers: 1, "command.command_login_ms": 50, "command.command_quiet_ms": 500 };
const RUNTIMES: readonly (readonly [string, GatewayOptions])[] = [
  ["as built", {}],
  ["on Deno", { command: denoBerth(), environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" } }],
];

const given = (stream: SseConsumer): Given[] => stream.of("command").map(({ data }) => JSON.parse(data) as Given);
const say = (url: string, { device: id, id: no }: { device: string; id: string }, state: string, body: object = {}) =>
  ask<Problem>(url, `/v1/devices/${id}/commands/${no}/${state}`, { method: "POST", body: JSON.stringify(body) });

async function opened(gateway: Gateway, id: string, query = "?commands=true"): Promise<SseConsumer> {
  const stream = await SseConsumer.open(gateway.url, `/v1/devices/${id}/stream${query}`);
  expect(stream.status).toBe(200);
  await stream.until("its configuration", () => stream.of("config").length > 0);
  return stream;
}
async function givenTo(stream: SseConsumer, text: string): Promise<Given> {
  await stream.until(text, () => given(stream).at(-1)?.text === text);
  return given(stream).at(-1)!;
}

describe.each(RUNTIMES)("%s a command to a device on its stream", (_name, options) => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ ...options, settings: SETTINGS });
  });

  test("is given to it as an event, and ends with what the device says of it", async () => {
    const stream = await opened(gateway, "lamp-1");
    const consumer = await SseConsumer.open(gateway.url, "/v1/events?device=lamp-1&kind=command");
    const first = await submit(gateway.url, "lamp-1", { text: "on" });
    const one = await givenTo(stream, "on");
    expect(one).toEqual({ device: "lamp-1", fence: (await device(gateway.url, "lamp-1")).fence, id: first.id, text: "on" });
    await inState(gateway.url, first.id, "written");
    expect((await say(gateway.url, one, "answered", { fence: one.fence, response: "it is on" })).status).toBe(204);
    // Back when it is on the disk.
    expect(await command(gateway.url, first.id)).toMatchObject({ state: "answered", fence: one.fence, response: "it is on", reason: null });
    await submit(gateway.url, "lamp-1", { text: "explode" });
    const two = await givenTo(stream, "explode");
    expect((await say(gateway.url, two, "nacked", { response: "I cannot" })).status).toBe(204);
    expect(await command(gateway.url, two.id)).toMatchObject({ state: "nacked", response: "I cannot" });
    // Said again it is done; anything else of it is refused.
    expect((await say(gateway.url, two, "nacked", { response: "I cannot" })).status).toBe(204);
    const other = await say(gateway.url, two, "answered", { response: "done" });
    expect([other.status, other.json.detail]).toEqual([409, "Cannot take command as answered: it has ended"]);
    await until("it told", () => statesTold(consumer, two.id).at(-1) === "nacked");
    expect(statesTold(consumer, first.id)).toEqual(["queued", "routed", "written", "answered"]);
    consumer.close();
    stream.close();
  }, 20_000);
});

describe("a command to a device on its stream", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: SETTINGS });
  });

  test("goes there one at a time, in order", async () => {
    const stream = await opened(gateway, "lamp-2");
    const ids = [];
    for (const text of ["a", "b", "c"]) ids.push((await submit(gateway.url, "lamp-2", { text })).id);
    for (const text of ["a", "b", "c"]) {
      const one = await givenTo(stream, text);
      if (text !== "c") expect((await command(gateway.url, ids.at(-1)!)).state).toBe("queued");
      expect((await say(gateway.url, one, "answered", { response: text })).status).toBe(204);
    }
    expect(given(stream).map(({ id }) => id)).toEqual(ids);
    stream.close();
  });

  test("that is not answered in time is unknown; its late answer is kept and completes no other", async () => {
    const stream = await opened(gateway, "lamp-3");
    const consumer = await SseConsumer.open(gateway.url, "/v1/events?device=lamp-3&kind=command");
    const first = await submit(gateway.url, "lamp-3", { text: "a", timeoutMs: 100 });
    const one = await givenTo(stream, "a");
    expect((await inState(gateway.url, first.id, "unknown")).reason).toBe("timeout");
    const next = await submit(gateway.url, "lamp-3", { text: "b" });
    const late = await say(gateway.url, one, "answered", { response: "too late" });
    expect([late.status, late.json.detail]).toEqual([
      409,
      "Cannot take command as answered: its time was over; the answer is kept as an event",
    ]);
    const two = await givenTo(stream, "b");
    expect((await say(gateway.url, two, "answered", { response: "b" })).status).toBe(204);
    expect((await command(gateway.url, next.id)).response).toBe("b");
    const told = consumer.of("command").map(({ data }) => JSON.parse(data) as object).filter((each) => "late" in each);
    expect(told).toMatchObject([{ unsolicited: true, late: first.id, payload: "746f6f206c617465" }]);
    consumer.close();
    stream.close();
  });

  test("is unknown when another connection comes, which alone may speak from then on", async () => {
    const stream = await opened(gateway, "lamp-4");
    const first = await submit(gateway.url, "lamp-4", { text: "a" });
    const one = await givenTo(stream, "a");
    await inState(gateway.url, first.id, "written");
    const next = await opened(gateway, "lamp-4");
    expect((await inState(gateway.url, first.id, "unknown")).reason).toBe("superseded");
    expect((await say(gateway.url, one, "answered", { response: "a" })).status).toBe(409);
    await submit(gateway.url, "lamp-4", { text: "b" });
    const two = await givenTo(next, "b");
    expect((await say(gateway.url, two, "answered", { fence: one.fence })).status).toBe(409);
    expect((await say(gateway.url, two, "answered", { fence: two.fence })).status).toBe(204);
    expect(given(stream)).toHaveLength(1);
    stream.close();
    next.close();
  });

  test("waits when the stream has not asked for commands, and configurations come as before", async () => {
    const stream = await opened(gateway, "lamp-5", "");
    const { id } = await submit(gateway.url, "lamp-5", { text: "a" });
    stream.close();
    await until("offline", async () => !(await device(gateway.url, "lamp-5")).connected);
    const next = await opened(gateway, "lamp-5");
    expect((await givenTo(next, "a")).id).toBe(id);
    expect(given(stream)).toEqual([]);
    // Parameters of a tracker are no commands for a stream.
    await versionOf(gateway.url, "lamp-5", { 102: 5 });
    await next.until("version 1", () => next.of("config").some(({ data }) => data.includes('"version":1')));
    expect([(await config(gateway.url, "lamp-5")).pending, given(next).length]).toEqual([1, 1]);
    next.close();
  });

  test("is answered by who was given it and by nobody else", async () => {
    const stream = await opened(gateway, "lamp-6");
    await submit(gateway.url, "lamp-6", { text: "a" });
    const one = await givenTo(stream, "a");
    const of = (more: Partial<Given>) => say(gateway.url, { ...one, ...more }, "answered");
    expect((await of({ device: "lamp-5" })).status).toBe(404);
    expect((await of({ id: "0123" })).status).toBe(404);
    expect((await of({ id: "..." })).status).toBe(404);
    expect((await say(gateway.url, one, "answered", { response: "x".repeat(2049) })).status).toBe(413);
    expect((await say(gateway.url, one, "answered", { answer: "x" })).status).toBe(400);
    const tracker = await CommandTracker.loggedIn(gateway.tcpPort, "356307042449101", () => null);
    const { id } = await submit(gateway.url, "356307042449101");
    await inState(gateway.url, id, "written");
    const told = await of({ device: "356307042449101", id });
    expect([told.status, told.json.detail]).toEqual([409, "Cannot take command as answered: it was not given to the device's stream"]);
    expect((await of({})).status).toBe(204);
    tracker.end();
    stream.close();
  });

  test("survives kill -9 as any other: what was given is unknown, what was not is given by the next process", async () => {
    const first = await Gateway.start({ settings: SETTINGS });
    const stream = await opened(first, "lamp-7");
    const one = await submit(first.url, "lamp-7", { text: "a" });
    await inState(first.url, one.id, "written");
    const waits = await submit(first.url, "lamp-7", { text: "b" });
    await first.kill();
    const again = await Gateway.start({ settings: SETTINGS, data: first.data });
    expect((await inState(again.url, one.id, "unknown")).reason).toBe("restart");
    const next = await opened(again, "lamp-7");
    expect((await givenTo(next, "b")).id).toBe(waits.id);
    expect(given(next)).toHaveLength(1);
    stream.close();
    next.close();
    expect((await again.stop()).code).toBe(0);
  }, 20_000);
});
