/** Commands to trackers from outside: how each ends, and that it ends once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { command, type CommandJson, ENDS, inState, post, statesTold, submit } from "../support/command_asks.ts";
import { CommandTracker, type Received, type Reply } from "../support/command_tracker.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { HeldGateway } from "../support/held.ts";
import { ask, device, devicesPage, metric, type Problem } from "../support/rest.ts";
import { SseConsumer } from "../support/sse.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

const SETTINGS = { workers: 2, "command.command_login_ms": 100, "command.command_quiet_ms": 2000 };
let number = 8100;
const ok = ({ text }: Received): Reply => ({ text: `ok:${text}` });

/** A new device, logged in, its first record acknowledged. */
async function tracked(gateway: Gateway, reply: (command: Received) => Reply = () => null, one = new TestDevice(++number, "8E")) {
  const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei, reply);
  await tracker.send(one.frame(one.records(1)).bytes);
  return { one, tracker, id: one.imei };
}

/** The gateway has the first bytes of a frame, which waits for its answer: no moment for a command. */
async function beginFrame(gateway: Gateway, one: TestDevice, tracker: CommandTracker): Promise<void> {
  const { lastByteAt } = await device(gateway.url, one.imei);
  await until("a later millisecond", () => Date.now() > lastByteAt + 1);
  tracker.write(one.frame(one.records(1)).bytes.subarray(0, 20));
  await until("a frame that has begun", async () => (await device(gateway.url, one.imei)).lastByteAt > lastByteAt);
}

/** The command ended in `state`, once, and stays there: by its row and by its events since the beginning. */
async function endedOnce(gateway: Gateway, id: string, states: readonly string[]): Promise<void> {
  const epoch = (await devicesPage(gateway.url)).cursor.replace(/\.\d+$/, "");
  const consumer = await SseConsumer.open(gateway.url, "/v1/events?kind=command", `${epoch}.0`);
  await consumer.until("its end", () => statesTold(consumer, id).some((state) => ENDS.includes(state)));
  expect(statesTold(consumer, id)).toEqual([...states]);
  consumer.close();
  expect((await command(gateway.url, id)).state).toBe(states.at(-1)!);
}

describe("a command ends once:", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: SETTINGS });
  });

  test("answered", async () => {
    const { tracker, id } = await tracked(gateway, ok);
    const accepted = await submit(gateway.url, id, { text: "getver" });
    expect(accepted).toMatchObject({ device: id, text: "getver" });
    const ended = await inState(gateway.url, accepted.id, "answered");
    expect(ended).toMatchObject({ fence: (await device(gateway.url, id)).fence, response: "ok:getver", reason: null });
    expect(ended.writtenAt! >= ended.createdAt && ended.endedAt! >= ended.writtenAt!).toBe(true);
    await endedOnce(gateway, accepted.id, ["queued", "routed", "written", "answered"]);
    expect(tracker.commands).toEqual([{ codec: 12, text: "getver", imei: null }]);
    const later = await submit(gateway.url, id, { text: "getinfo" });
    const page = async (query: string) =>
      (await ask<{ commands: CommandJson[]; next: string | null }>(gateway.url, `/v1/devices/${id}/commands${query}`)).json;
    expect((await page("")).commands.map((one) => one.id)).toEqual([later.id, accepted.id]);
    expect((await page("")).commands[1]).toEqual(ended);
    expect((await page("?limit=1")).next).toBe(later.id);
    expect(await page(`?limit=1&after=${later.id}`)).toEqual({ commands: [ended], next: null });
    expect((await ask(gateway.url, "/v1/devices/350000000009999/commands")).status).toBe(404);
    tracker.end();
  });

  test("nacked by a device that has another IMEI", async () => {
    const { tracker, id } = await tracked(gateway, () => ({ nack: true }));
    const accepted = await submit(gateway.url, id, { codec: 14 });
    await inState(gateway.url, accepted.id, "nacked");
    await endedOnce(gateway, accepted.id, ["queued", "routed", "written", "nacked"]);
    expect(tracker.commands).toEqual([{ codec: 14, text: "getinfo", imei: id }]);
    tracker.end();
  });

  test("timeout; its late answer is kept and completes no other", async () => {
    const { tracker, id } = await tracked(gateway);
    const consumer = await SseConsumer.open(gateway.url, `/v1/events?device=${id}&kind=command`);
    const accepted = await submit(gateway.url, id, { timeoutMs: 100 });
    expect((await inState(gateway.url, accepted.id, "unknown")).reason).toBe("timeout");
    const next = await submit(gateway.url, id, { text: "getver" });
    tracker.answer(12, "too late");
    await tracker.until("the next command", () => tracker.commands.length === 2);
    tracker.answer(12, "1.2.3");
    expect((await inState(gateway.url, next.id, "answered")).response).toBe("1.2.3");
    const told = () => consumer.of("command").map(({ data }) => JSON.parse(data) as { id?: string; state?: string });
    // The stream tells of it after the row does.
    await consumer.until("the end of the next one", () => told().some(({ id: of, state }) => of === next.id && state === "answered"));
    const late = told().filter((one) => "late" in one);
    expect(late).toMatchObject([{ unsolicited: true, late: accepted.id, payload: "746f6f206c617465" }]);
    consumer.close();
    await endedOnce(gateway, accepted.id, ["queued", "routed", "written", "unknown"]);
    tracker.end();
  });

  test("offline, and its time to live is over", async () => {
    const { one, tracker, id } = await tracked(gateway);
    tracker.end();
    await until("offline", async () => !(await device(gateway.url, id)).connected);
    const waits = await submit(gateway.url, id, { text: "getver" });
    const accepted = await submit(gateway.url, id, { ttlMs: 50 });
    await inState(gateway.url, accepted.id, "expired");
    const next = await tracked(gateway, ok, one);
    await inState(gateway.url, waits.id, "answered");
    await endedOnce(gateway, accepted.id, ["queued", "expired"]);
    expect(next.tracker.commands.map(({ text }) => text)).toEqual(["getver"]);
    next.tracker.end();
  });

  test("moved to another connection while it is outstanding", async () => {
    const { one, tracker, id } = await tracked(gateway);
    const accepted = await submit(gateway.url, id);
    await tracker.until("the command", () => tracker.commands.length === 1);
    const next = await tracked(gateway, ok, one);
    expect((await inState(gateway.url, accepted.id, "unknown")).reason).toBe("superseded");
    const after = await submit(gateway.url, id, { text: "getver" });
    await inState(gateway.url, after.id, "answered");
    await endedOnce(gateway, accepted.id, ["queued", "routed", "written", "unknown"]);
    expect(next.tracker.commands.map(({ text }) => text)).toEqual(["getver"]);
    next.tracker.end();
  });

  test("moved before it could be written: the next connection gets it", async () => {
    const { one, tracker, id } = await tracked(gateway);
    await beginFrame(gateway, one, tracker);
    const accepted = await submit(gateway.url, id);
    await inState(gateway.url, accepted.id, "routed");
    const next = await tracked(gateway, ok, one);
    await inState(gateway.url, accepted.id, "answered");
    expect([tracker.commands.length, next.tracker.commands.length]).toEqual([0, 1]);
    next.tracker.end();
  });

  test("not on a device's own stream, where it waits for a tracker", async () => {
    const { one, tracker, id } = await tracked(gateway);
    tracker.end();
    await until("offline", async () => !(await device(gateway.url, id)).connected);
    const stream = await SseConsumer.open(gateway.url, `/v1/devices/${id}/stream`);
    await until("its stream", async () => (await device(gateway.url, id)).transport === "sse");
    const accepted = await submit(gateway.url, id);
    const lapsed = await submit(gateway.url, id, { ttlMs: 50 });
    await inState(gateway.url, lapsed.id, "expired");
    expect((await command(gateway.url, accepted.id)).state).toBe("queued");
    const next = await tracked(gateway, ok, one);
    await inState(gateway.url, accepted.id, "answered");
    await endedOnce(gateway, accepted.id, ["queued", "routed", "written", "answered"]);
    expect(stream.of("command")).toEqual([]);
    stream.close();
    next.tracker.end();
  });

  test("kicked", async () => {
    const { tracker, id } = await tracked(gateway);
    const accepted = await submit(gateway.url, id);
    await tracker.until("the command", () => tracker.commands.length === 1);
    expect((await ask(gateway.url, `/v1/devices/${id}/kick`, { method: "POST" })).status).toBe(204);
    expect((await inState(gateway.url, accepted.id, "unknown")).reason).toBe("kicked");
    await endedOnce(gateway, accepted.id, ["queued", "routed", "written", "unknown"]);
  });

  test("duplicate key: one command, whoever asks how often", async () => {
    const { tracker, id } = await tracked(gateway, ok);
    const body = { text: "getver", idempotencyKey: "once" };
    const all = await Promise.all(Array.from({ length: 8 }, () => submit(gateway.url, id, body)));
    const ids = new Set(all.map((one) => one.id));
    expect(ids.size).toBe(1);
    await inState(gateway.url, all[0]!.id, "answered");
    expect((await submit(gateway.url, id, body)).id).toBe(all[0]!.id);
    await endedOnce(gateway, all[0]!.id, ["queued", "routed", "written", "answered"]);
    expect(tracker.commands).toHaveLength(1);
    const other = await post(gateway.url, id, { ...body, text: "getinfo" });
    expect([other.status, other.json.detail]).toEqual([409, "Cannot send command: its idempotency key was used for another command"]);
    tracker.end();
  });

  test("what cannot be sent is refused, saying why", async () => {
    const { tracker, id } = await tracked(gateway);
    const refused = async (body: object, who = id): Promise<unknown> => {
      const { status, json } = await post(gateway.url, who, body);
      return [status, json.detail];
    };
    expect(await refused({ text: "getinfo\r\n" })).toEqual([400, "Cannot send command: character 8 is not printable ASCII (0x0d)"]);
    expect(await refused({ text: "" })).toEqual([400, "Cannot send command: it is empty"]);
    expect(await refused({ text: "x".repeat(1001) })).toEqual([400, "Cannot send command: length 1001 exceeds 1000"]);
    expect(await refused({ text: "a", codec: 13 })).toEqual([400, "Cannot use codec: expected 12 or 14"]);
    expect(await refused({ text: "a", ttlMs: 0 })).toEqual([400, "Cannot use ttlMs: expected a whole number from 1 to 2592000000"]);
    expect(await refused({ text: "a" }, "350000000099999")).toEqual([404, 'Unknown device "350000000099999"']);
    expect((await ask<Problem>(gateway.url, "/v1/commands/123")).status).toBe(404);
    for (let i = 0; i < 16; i++) await submit(gateway.url, id, { text: `a${i}` });
    expect(await refused({ text: "b" })).toEqual([409, "Cannot send command: too many commands of this device have not ended"]);
    tracker.end();
  });

  test("is counted by state", async () => {
    for (const state of ["queued", "routed", "written", "answered", "nacked", "expired", "unknown"]) {
      expect([state, await metric(gateway.url, `berth_commands_total{state="${state}"}`) > 0]).toEqual([state, true]);
    }
  });
});

describe("a command survives kill -9:", () => {
  test("before it is written it ends unknown, and is never written", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS });
    const { one, tracker, id } = await tracked(gateway);
    await beginFrame(gateway, one, tracker);
    const accepted = await submit(gateway.url, id);
    await inState(gateway.url, accepted.id, "routed");
    const waits = await submit(gateway.url, id, { text: "getver" });
    await gateway.kill();
    expect(tracker.commands).toEqual([]);
    const again = await Gateway.start({ data: gateway.data, settings: SETTINGS });
    const next = await tracked(again, ok, one);
    await inState(again.url, waits.id, "answered");
    expect((await inState(again.url, accepted.id, "unknown")).reason).toBe("restart");
    await endedOnce(again, accepted.id, ["queued", "routed", "unknown"]);
    expect(next.tracker.commands.map(({ text }) => text)).toEqual(["getver"]);
    expect((await again.stop()).code).toBe(0);
  }, 60_000);

  test("after it is written it ends unknown, and is never written again; its key still finds it", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS });
    const { one, tracker, id } = await tracked(gateway);
    const body = { idempotencyKey: "k" };
    const accepted = await submit(gateway.url, id, body);
    await inState(gateway.url, accepted.id, "written");
    await gateway.kill();
    const again = await Gateway.start({ data: gateway.data, settings: SETTINGS });
    const next = await tracked(again, ok, one);
    expect(await submit(again.url, id, body)).toMatchObject({ id: accepted.id, state: "unknown", reason: "restart" });
    const after = await submit(again.url, id, { text: "getver" });
    await inState(again.url, after.id, "answered");
    await endedOnce(again, accepted.id, ["queued", "routed", "written", "unknown"]);
    expect([tracker.commands.length, next.tracker.commands.map(({ text }) => text)]).toEqual([1, ["getver"]]);
    expect((await again.stop()).code).toBe(0);
  }, 60_000);

  test("before its row is on the disk it was never there: not a byte has left, and its key sends it once", async () => {
    // The start, the login and the first record are the commits before.
    const held = await HeldGateway.start("journal.before_commit", 4, { settings: SETTINGS });
    const { gateway } = held;
    const one = new TestDevice(++number, "8E");
    const id = one.imei;
    const tracker = await CommandTracker.loggedIn(gateway.tcpPort, id);
    await until("the commit of its login", async () => (await devicesPage(gateway.url)).devices.some((each) => each.id === id));
    await tracker.send(one.frame(one.records(1)).bytes);
    const body = { text: "getver", idempotencyKey: "k" };
    const lost = post(gateway.url, id, body).catch(() => null);
    await held.held();
    // The worker goes on: it would write what it may.
    expect((await device(gateway.url, id)).connected).toBe(true);
    tracker.write(one.frame(one.records(1)).bytes.subarray(0, 9));
    await gateway.kill();
    await tracker.until("the end", () => tracker.closed);
    expect([await lost, tracker.commands]).toEqual([null, []]);
    const again = await Gateway.start({ data: gateway.data, settings: SETTINGS });
    const next = await tracked(again, ok, one);
    const accepted = await submit(again.url, id, body);
    await inState(again.url, accepted.id, "answered");
    await endedOnce(again, accepted.id, ["queued", "routed", "written", "answered"]);
    expect(next.tracker.commands).toHaveLength(1);
    expect((await again.stop()).code).toBe(0);
  }, 60_000);

  test("an ordered stop leaves what was not written for the next start", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS });
    const { one, tracker, id } = await tracked(gateway);
    await beginFrame(gateway, one, tracker);
    const accepted = await submit(gateway.url, id);
    await inState(gateway.url, accepted.id, "routed");
    expect((await gateway.stop()).code).toBe(0);
    const again = await Gateway.start({ data: gateway.data, settings: SETTINGS });
    expect((await command(again.url, accepted.id)).state).toBe("queued");
    await tracked(again, ok, one);
    await inState(again.url, accepted.id, "answered");
    expect((await again.stop()).code).toBe(0);
  }, 60_000);
});
