/** The UDP channel on real sockets: what is answered, byte for byte, what is met with silence, and what is stored. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { fromHex } from "../support/frames.ts";
import { endEverything, Gateway, type GatewayOptions, temporaryData } from "../support/gateway.ts";
import { allRecords, devicesPage, metric, RECORDS_DUPLICATE, RECORDS_STORED } from "../support/rest.ts";
import { packetOf, together } from "../support/udp_tracker.ts";
import { packets, timesOf, UdpWorld } from "../support/udp_world.ts";
import { until } from "../support/until.ts";
import { UDP_VECTORS } from "../golden/codec_vectors.ts";

const world = new UdpWorld();
afterEach(() => world.end());
afterAll(endEverything);

const RUNTIMES: readonly (readonly [string, GatewayOptions])[] = [
  ["as built", {}],
  ["on Deno", { command: denoBerth(), environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" } }],
];

test("the ready line says where datagrams are taken, or that they are not", async () => {
  world.gateway = await Gateway.start({ settings: { workers: 1 } });
  expect(world.gateway.readyLine.udp).toBeNull();
  expect(await world.gateway.stop()).toEqual({ code: 0, signal: null });
  await world.start();
  expect(world.gateway.readyLine.udp).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
});

test("a port that is taken ends the start, and is named", async () => {
  await world.start();
  const second = Gateway.spawn({ args: ["--udp", world.gateway.readyLine.udp!], settings: { workers: 1 } });
  expect(await second.ended()).toEqual({ code: 1, signal: null });
  expect(second.logText).toMatch(/EADDRINUSE/);
});

test("a udp thread that throws ends the process, which names it", async () => {
  await world.start();
  // On a slow machine that is before it is ready.
  const second = Gateway.spawn({ args: ["--udp", "127.0.0.1:0"], settings: { workers: 1 }, faults: "udp.loop:throw@100" });
  expect(await second.ended()).toEqual({ code: 1, signal: null });
  expect(second.logText).toContain("udp: fault point udp.loop");
});

describe.each(RUNTIMES)("%s", (_name, options) => {
  test("the vendor's datagrams get the vendor's answers, and their records are readable at once", async () => {
    await world.start({}, options);
    const tracker = await world.udp();
    for (const { hex, expected } of UDP_VECTORS) {
      tracker.send(fromHex(hex));
      expect(await tracker.answer()).toBe(expected.ack!);
      const stored = await allRecords(world.gateway.url, expected.imei!);
      expect(timesOf(stored)).toContain(expected.records![0]!.timestamp_ms);
    }
    // Counted when it is sent.
    await until("all counted", async () => (await metric(world.gateway.url, packets("answered"))) === UDP_VECTORS.length);
  });

  test("records sent over both channels are stored once, and every sending is acknowledged", async () => {
    await world.start({}, options);
    const one = new TestDevice(1, "8E");
    const [first, second] = [one.frame(one.records(4)), one.frame(one.records(3))];
    const datagrams = await world.udp();
    datagrams.send(packetOf(one.imei, first.bytes));
    expect(await datagrams.answer()).toBe("0005cafe010504");
    const session = await world.tcp(one.imei);
    expect(await session.send(first.bytes)).toBe(4);
    expect(await session.send(second.bytes)).toBe(3);
    datagrams.send(packetOf(one.imei, second.bytes, { avlPacketId: 6 }));
    expect(await datagrams.answer()).toBe("0005cafe010603");
    expect(timesOf(await allRecords(world.gateway.url, one.imei))).toEqual(timesOf([...first.records, ...second.records]));
    await until("all counted", async () => (await metric(world.gateway.url, RECORDS_STORED)) === 7);
    await until("all counted", async () => (await metric(world.gateway.url, RECORDS_DUPLICATE)) === 7);
  });
});

describe("datagrams", () => {
  test("with several packets, of several devices, are answered packet by packet", async () => {
    await world.start();
    const devices = [new TestDevice(1, "8"), new TestDevice(2, "8E"), new TestDevice(3, "16"), new TestDevice(1, "8")];
    const datagram = together(
      ...devices.map((one, i) => packetOf(one.imei, one.frame(one.records(i + 1)).bytes, { packetId: 0x100 + i, avlPacketId: 250 + i })),
    );
    const tracker = await world.udp();
    tracker.send(datagram);
    const answers = [await tracker.answer(), await tracker.answer(), await tracker.answer(), await tracker.answer()];
    expect(answers.sort()).toEqual(["0005010001fa01", "0005010101fb02", "0005010201fc03", "0005010301fd04"]);
    expect((await devicesPage(world.gateway.url)).devices.map(({ transport, connected }) => [transport, connected])).toEqual([
      ["udp", true],
      ["udp", true],
      ["udp", true],
    ]);
  });

  test("of type 0 get the channel's acknowledgement before the answer", async () => {
    await world.start();
    const one = new TestDevice(1, "8");
    const tracker = await world.udp();
    tracker.send(packetOf(one.imei, one.frame(one.records(2)).bytes, { packetId: 0xabcd, avlPacketId: 9, type: 0 }));
    expect([await tracker.answer(), await tracker.answer()]).toEqual(["0003abcd02", "0005abcd010902"]);
  });

  test("that break off inside a record are acknowledged up to it, and the rest of them is not stored", async () => {
    await world.start();
    const one = new TestDevice(1, "8");
    const { bytes, records } = one.frame(one.records(3).map((record) => ({ ...record, io: [] })));
    // The count of values of the last record, before four empty groups and the second count.
    const broken = bytes.slice();
    broken[broken.length - 4 - 1 - 1] = 200;
    const tracker = await world.udp();
    tracker.send(packetOf(one.imei, broken));
    expect(await tracker.answer()).toBe("0005cafe010502");
    expect(timesOf(await allRecords(world.gateway.url, one.imei))).toEqual(timesOf(records.slice(0, 2)));
    await until("it counted", async () => (await metric(world.gateway.url, packets("partly"))) === 1);
    tracker.send(packetOf(one.imei, bytes));
    expect(await tracker.answer()).toBe("0005cafe010503");
    expect(timesOf(await allRecords(world.gateway.url, one.imei))).toEqual(timesOf(records));
  });

  test("that are not good are met with silence", async () => {
    await world.start();
    const one = new TestDevice(1, "8");
    const good = packetOf(one.imei, one.frame(one.records(1)).bytes);
    const wrongCount = good.slice();
    wrongCount[wrongCount.length - 1] = 9;
    const unknownCodec = good.slice();
    unknownCodec[23] = 0x55;
    const notDigits = good.slice();
    notDigits[10] = 0x41;
    const tracker = await world.udp();
    const bad = [
      new Uint8Array(0),
      fromHex("ff"),
      good.subarray(0, good.length - 1),
      wrongCount,
      unknownCodec,
      notDigits,
      fromHex("0003cafe02"),
      // A command's response: not taken over UDP.
      packetOf(one.imei, fromHex("000000000000000f0c010600000007676574696e666f010000aaaa")),
      fromHex("000000000000000f0c010500000007676574696e666f0100004312"),
    ];
    for (const [i, datagram] of bad.entries()) await world.expectSilent(tracker, datagram, 100 + i);
    expect(await allRecords(world.gateway.url, one.imei)).toEqual([]);
    expect([await metric(world.gateway.url, packets("malformed")), await metric(world.gateway.url, packets("unsupported"))]).toEqual([
      7,
      1,
    ]);
  });

  test("of devices nobody announced are met with silence where those are rejected", async () => {
    await world.start({ unknown_devices: "reject" });
    const one = new TestDevice(1, "8");
    const tracker = await world.udp();
    for (let i = 0; i < 3; i++) tracker.send(packetOf(one.imei, one.frame(one.records(1)).bytes));
    await until("them refused", async () => (await metric(world.gateway.url, packets("refused"))) === 3);
    expect(tracker.answers).toEqual([]);
    expect((await devicesPage(world.gateway.url)).devices).toEqual([]);
    await until("nobody kept", async () => (await metric(world.gateway.url, "berth_udp_senders")) === 0);
  });

  test("beyond the rate of their address are dropped, and those of another are not", async () => {
    await world.start({ "udp.udp_datagrams_per_second_per_address": 2 });
    const one = new TestDevice(1, "8");
    const flood = await world.udp();
    for (let i = 0; i < 50; i++) flood.send(fromHex("ff"));
    await until("some dropped", async () => (await metric(world.gateway.url, packets("rate"))) > 0);
    const other = await world.udp("127.0.0.2");
    expect(await other.insist(packetOf(one.imei, one.frame(one.records(1)).bytes), 600)).toBe("0005cafe010501");
  });

  test("of more senders than allowed take the place of who is silent for longest, and all are answered", async () => {
    await world.start({ "udp.udp_senders": 1, "udp.udp_confirm_ms": 0 });
    const [one, two] = [new TestDevice(1, "8"), new TestDevice(2, "8")];
    const tracker = await world.udp();
    for (let round = 0; round < 3; round++) {
      for (const device of [one, two]) {
        // Heard once more: it is there.
        for (let i = 0; i < 2; i++) {
          const id = 10 * round + 2 * (device === two ? 1 : 0) + i;
          const datagram = packetOf(device.imei, device.frame(device.records(1)).bytes, { avlPacketId: id });
          const before = tracker.answers.length;
          await until("its answer", () => {
            tracker.send(datagram);
            return tracker.answers.slice(before).includes(`0005cafe01${id.toString(16).padStart(2, "0")}01`);
          });
        }
      }
    }
    await until("one of them", async () => (await metric(world.gateway.url, "berth_udp_senders")) === 1);
  });
});

test("nothing is answered between the commit and its way to the disk, and everything is after", async () => {
  const release = `${temporaryData()}/release`;
  await world.start({}, { faults: "journal.after_commit:hold@2", environment: { BERTH_FAULTS_RELEASE: release } });
  const one = new TestDevice(1, "8");
  const tracker = await world.udp();
  tracker.send(packetOf(one.imei, one.frame(one.records(2)).bytes));
  await until("the journal stands between commit and sync", () => world.gateway.logText.includes("journal.after_commit"));
  expect(tracker.answers).toEqual([]);
  await Bun.write(release, "");
  expect(await tracker.answer()).toBe("0005cafe010502");
});
