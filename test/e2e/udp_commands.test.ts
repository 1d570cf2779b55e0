/** Commands to devices that are heard over UDP only, on real sockets: where they go, how each ends, and when none is sent. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { toHex } from "../../src/base/bytes.ts";
import { encodeCommand, encodeFrame, encodeMessage } from "../../src/codec/encode.ts";
import { command, inState, statesTold, submit } from "../support/command_asks.ts";
import { CommandTracker } from "../support/command_tracker.ts";
import { config, settled, versionOf } from "../support/config_asks.ts";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, type GatewayOptions, runBerth, type SettingsText, temporaryData } from "../support/gateway.ts";
import { device } from "../support/rest.ts";
import { packetOf, type UdpTracker } from "../support/udp_tracker.ts";
import { UdpWorld } from "../support/udp_world.ts";
import { until } from "../support/until.ts";

const world = new UdpWorld();
afterEach(() => world.end());
afterAll(endEverything);

const ON: SettingsText = { "udp.commands": "on", "command.command_login_ms": 50, "command.command_quiet_ms": 1500 };
let number = 8900;

/** A device that is heard over UDP only: its first packet is answered. */
async function heard(one = new TestDevice(++number, "8E"), from?: string): Promise<{ one: TestDevice; id: string; tracker: UdpTracker }> {
  const tracker = await world.udp(from);
  tracker.send(packetOf(one.imei, one.frame(one.records(1)).bytes));
  expect(await tracker.answer()).toBe("0005cafe010501");
  return { one, id: one.imei, tracker };
}
const again = async ({ one, tracker }: { one: TestDevice; tracker: UdpTracker }): Promise<void> => {
  const before = tracker.answers.length;
  tracker.send(packetOf(one.imei, one.frame(one.records(1)).bytes, { avlPacketId: 9 }));
  await until("the answer", () => tracker.answers.includes("0005cafe010901", before));
};
const commandHex = (text: string, id = "", codec = 12): string => toHex(encodeCommand(codec, text, id));
const bare = (text: string): Uint8Array => encodeFrame(encodeMessage("12", { type: 6, payload: new TextEncoder().encode(text) }));
const refusal = (imei: string): Uint8Array => encodeFrame(encodeMessage("14", { type: 17, payload: new Uint8Array(0), imei }));

const RUNTIMES: readonly (readonly [string, GatewayOptions])[] = [
  ["as built", {}],
  ["on Deno", { command: denoBerth(), environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" } }],
];

describe.each(RUNTIMES)("%s a command over UDP", (_name, options) => {
  test("goes where its device was heard last, and is answered in a packet of the channel or in a bare frame", async () => {
    await world.start(ON, options);
    const { id, one, tracker } = await heard();
    const consumer = await world.consumer();
    const first = await submit(world.gateway.url, id, { text: "getver" });
    expect(await tracker.answer()).toBe(commandHex("getver"));
    tracker.send(packetOf(id, bare("Ver:1"), { avlPacketId: 200 }));
    const ended = await inState(world.gateway.url, first.id, "answered");
    expect(ended).toMatchObject({ response: "Ver:1", fence: (await device(world.gateway.url, id)).fence });
    await until("it told", () => statesTold(consumer, first.id).at(-1) === "answered");
    expect(statesTold(consumer, first.id)).toEqual(["queued", "routed", "written", "answered"]);
    // From another port of the same address: its NAT has forgotten it.
    const moved = await heard(one);
    const second = await submit(world.gateway.url, id, { text: "getio" });
    expect(await moved.tracker.answer()).toBe(commandHex("getio"));
    moved.tracker.send(bare("DI1:1"));
    expect((await inState(world.gateway.url, second.id, "answered")).response).toBe("DI1:1");
    // Neither answer was answered.
    expect([tracker.answers.length, moved.tracker.answers.length]).toEqual([2, 2]);
  }, 60_000);
});

describe("a command over UDP ends once:", () => {
  test("nacked by a device that has another IMEI", async () => {
    await world.start(ON);
    const { id, tracker } = await heard();
    const { id: no } = await submit(world.gateway.url, id, { codec: 14 });
    expect(await tracker.answer()).toBe(commandHex("getinfo", id, 14));
    tracker.send(packetOf(id, refusal(id)));
    expect((await inState(world.gateway.url, no, "nacked")).reason).toBeNull();
  });

  test("timeout, when it or its answer was lost; a late answer is kept and completes no other", async () => {
    await world.start(ON);
    const { id, tracker } = await heard();
    const consumer = await world.consumer();
    const lost = await submit(world.gateway.url, id, { timeoutMs: 100 });
    expect((await inState(world.gateway.url, lost.id, "unknown")).reason).toBe("timeout");
    const next = await submit(world.gateway.url, id, { text: "getver" });
    tracker.send(packetOf(id, bare("too late")));
    await until("the next command", () => tracker.answers.at(-1) === commandHex("getver"));
    tracker.send(packetOf(id, bare("Ver:1")));
    expect((await inState(world.gateway.url, next.id, "answered")).response).toBe("Ver:1");
    expect(tracker.answers).toEqual(["0005cafe010501", commandHex("getinfo"), commandHex("getver")]);
    await until("both ends told", () => statesTold(consumer, next.id).at(-1) === "answered");
    const late = consumer.of("command").map(({ data }) => JSON.parse(data) as object).filter((one) => "late" in one);
    expect(late).toMatchObject([{ unsolicited: true, late: lost.id, payload: toHex(new TextEncoder().encode("too late")) }]);
  });

  test("unknown when its device falls silent, and what came meanwhile waits for its next datagram", async () => {
    await world.start({ ...ON, "udp.udp_idle_ms": 1500, "command.command_quiet_ms": 100 });
    const sender = await heard();
    const { id, tracker } = sender;
    const first = await submit(world.gateway.url, id);
    expect(await tracker.answer()).toBe(commandHex("getinfo"));
    const waits = await submit(world.gateway.url, id, { text: "getver" });
    const expires = await submit(world.gateway.url, id, { text: "getgps", ttlMs: 20 });
    expect((await inState(world.gateway.url, first.id, "unknown")).reason).toBe("idle_timeout");
    await inState(world.gateway.url, expires.id, "expired");
    expect((await command(world.gateway.url, waits.id)).state).toBe("queued");
    await again(sender);
    await inState(world.gateway.url, waits.id, "written");
    await until("the next command", () => tracker.answers.at(-1) === commandHex("getver"));
    tracker.send(packetOf(id, bare("Ver:1")));
    await inState(world.gateway.url, waits.id, "answered");
    expect(tracker.answers.filter((hex) => hex.startsWith("0000"))).toEqual([commandHex("getinfo"), commandHex("getver")]);
  });

  test("unknown when a session comes, which gets the next one; beside it none is sent", async () => {
    await world.start(ON);
    const sender = await heard();
    const { id, tracker } = sender;
    const first = await submit(world.gateway.url, id);
    expect(await tracker.answer()).toBe(commandHex("getinfo"));
    const session = await CommandTracker.loggedIn(world.gateway.tcpPort, id, ({ text }) => ({ text: `tcp:${text}` }));
    expect((await inState(world.gateway.url, first.id, "unknown")).reason).toBe("superseded");
    await again(sender);
    const second = await submit(world.gateway.url, id, { text: "getver" });
    // An answer in the device's name by datagram is nobody's.
    tracker.send(packetOf(id, bare("forged")));
    expect((await inState(world.gateway.url, second.id, "answered")).response).toBe("tcp:getver");
    expect([tracker.answers.filter((hex) => hex.startsWith("0000")).length, session.commands.length]).toEqual([1, 1]);
    session.end();
  });

  test("unknown after kill -9, and it is not sent again", async () => {
    await world.start(ON);
    const sender = await heard();
    const { id, tracker } = sender;
    const first = await submit(world.gateway.url, id);
    expect(await tracker.answer()).toBe(commandHex("getinfo"));
    const port = world.udpPort;
    await world.gateway.kill();
    world.gateway = await Gateway.start({
      data: world.gateway.data,
      args: ["--udp", `127.0.0.1:${port}`],
      settings: { workers: 1, ...ON },
    });
    expect((await inState(world.gateway.url, first.id, "unknown")).reason).toBe("restart");
    await again(sender);
    const next = await submit(world.gateway.url, id, { text: "getver" });
    // The answer to what the process before had sent is not taken for the next one's, which waits for it.
    tracker.send(packetOf(id, bare("INI:1")));
    await again(sender);
    expect((await command(world.gateway.url, next.id)).state).toBe("queued");
    await inState(world.gateway.url, next.id, "written");
    await until("the next command", () => tracker.answers.at(-1) === commandHex("getver"));
    tracker.send(packetOf(id, bare("Ver:1")));
    expect((await inState(world.gateway.url, next.id, "answered")).response).toBe("Ver:1");
    expect(tracker.answers.filter((hex) => hex === commandHex("getinfo"))).toHaveLength(1);
  });
});

describe("a command is not sent over UDP", () => {
  test("as long as that is off: it waits for a session", async () => {
    await world.start({ "command.command_login_ms": 50 });
    const sender = await heard();
    const { id, tracker } = sender;
    const { id: no } = await submit(world.gateway.url, id);
    await again(sender);
    tracker.send(packetOf(id, bare("forged")));
    await again(sender);
    expect((await command(world.gateway.url, no)).state).toBe("queued");
    const session = await CommandTracker.loggedIn(world.gateway.tcpPort, id, () => ({ text: "ok" }));
    expect((await inState(world.gateway.url, no, "answered")).response).toBe("ok");
    expect(tracker.answers.some((hex) => hex.startsWith("0000"))).toBe(false);
    session.end();
  });

  test("when its device was not heard lately, and is as soon as it is heard", async () => {
    await world.start({ ...ON, "udp.udp_reach_ms": 100 });
    const sender = await heard();
    const { id, tracker } = sender;
    const { lastByteAt } = await device(world.gateway.url, id);
    await until("a while", () => Date.now() > lastByteAt + 200);
    const { id: no } = await submit(world.gateway.url, id);
    await inState(world.gateway.url, no, "routed");
    expect(tracker.answers).toHaveLength(1);
    await again(sender);
    await inState(world.gateway.url, no, "written");
    await until("the command", () => tracker.answers.length === 3);
    expect(tracker.answers.slice(1)).toEqual(["0005cafe010901", commandHex("getinfo")]);
  });
});

test("what a device says unasked is kept as it came, and not answered", async () => {
  await world.start(ON);
  const sender = await heard();
  const { id, tracker } = sender;
  const consumer = await world.consumer();
  const photo = encodeMessage("12", { type: 0x0d, payload: Uint8Array.of(1, 0, 255, 7) });
  tracker.send(packetOf(id, encodeFrame(photo)));
  await consumer.until("it told", () => consumer.of("command").length === 1);
  expect(JSON.parse(consumer.of("command")[0]!.data)).toMatchObject({ device: id, unsolicited: true, codec: 12, hex: toHex(photo) });
  await again(sender);
  expect(tracker.answers).toEqual(["0005cafe010501", "0005cafe010901"]);
});

test("simulated trackers obey over UDP, commands and configurations, and go on sending", async () => {
  await world.start(ON);
  const { url } = world.gateway;
  const imei = "356307042440700";
  const target = `127.0.0.1:${world.udpPort}`;
  const simulated = runBerth(["simulate", target, "--udp", "--devices", "3", "--rate", "100", "--seconds", "8", "--imei", imei]);
  await until("a simulated tracker", async () => (await device(url, imei).catch(() => null))?.connected === true);
  const { code, out, err } = await runBerth(["send", imei, "getver", "--wait", "--url", url]);
  expect([code, out.startsWith("Ver:"), err]).toEqual([0, true, ""]);
  await versionOf(url, imei, { 2001: "internet", 102: 5 });
  await settled(url, imei, "applied", ({ applied }) => applied === 1);
  expect(await config(url, imei)).toMatchObject({ version: 1, failed: null, pending: null });
  const ended = await simulated;
  expect(ended.code).toBe(0);
  expect(JSON.parse(ended.out)).toMatchObject({ commands: 4, mismatches: 0, timeouts: 0 });
}, 60_000);
