/** Commands over UDP: when one is sent and where to, what its answer is, and that the registry hears of each once. */
import { describe, expect, test } from "bun:test";
import type { Limits } from "../../../src/base/limits.ts";
import { encodeCommand, encodeFrame, encodeMessage } from "../../../src/codec/encode.ts";
import { toHex } from "../../../src/base/bytes.ts";
import type { Message } from "../../../src/wire/control.ts";
import { Verdict } from "../../../src/wire/frame_message.ts";
import { TestDevice } from "../../support/fleet.ts";
import { UdpBench } from "../../support/udp_bench.ts";
import { packetOf } from "../../support/udp_tracker.ts";

const one = new TestDevice(1, "8");
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const response = (words: string, type = 6): Uint8Array => encodeFrame(encodeMessage("12", { type, payload: text(words) }));
const response14 = (words: string, imei = one.imei, type = 6): Uint8Array =>
  encodeFrame(encodeMessage("14", { type, payload: text(words), imei }));
const packet = (records = 1, device = one): Uint8Array => packetOf(device.imei, device.frame(device.records(records)).bytes);
const sent = (words: string, codec = 12): string => toHex(encodeCommand(codec, words, one.imei));

/** The device has been heard and owns itself. */
function opened(limits: Partial<Limits> = {}): { bench: UdpBench; conn: number } {
  const bench = new UdpBench(limits, true);
  bench.receives(packet(), "10.0.0.1", 4711);
  const { conn } = bench.claim();
  bench.decide(conn);
  bench.settle(bench.frames()[0]!.end);
  bench.answers.length = 0;
  return { bench, conn };
}
function command(
  bench: UdpBench,
  conn: number,
  no: number,
  words = "getver",
  more: { fence?: number; codec?: number; ms?: number } = {},
): void {
  const { fence = 1024, codec = 12, ms = 60_000 } = more;
  bench.say({ type: "command", conn, fence, no, id: "", codec, text: words, expiresInMs: ms });
}
const written = (no: number): Message => ({ type: "commandDone", no, written: true });
const unwritten = (no: number): Message => ({ type: "commandDone", no, written: false });
const answered = (no: number, hex: string, more: object = {}) => ({
  type: "commandAnswer",
  device: one.imei,
  fence: 1024,
  no,
  hex,
  ...more,
});

test("a device that owes the answer to a command keeps its place in a full table, though it was heard once only", () => {
  const { bench, conn } = opened({ udpSenders: 1 });
  command(bench, conn, 7);
  expect(bench.told()).toEqual([written(7)]);
  bench.receives(packet(1, new TestDevice(2, "8")), "10.0.0.2", 1);
  expect([bench.told(), bench.count("berth_udp_packets_total", "busy")]).toEqual([[], 1]);
});

describe("a command over UDP", () => {
  test("goes as TCP has it to where its device was heard last, and its answer comes in a packet of the channel", () => {
    const { bench, conn } = opened();
    bench.receives(packet(), "10.0.0.1", 4712);
    bench.settle(bench.frames()[0]!.end);
    bench.answers.length = 0;
    command(bench, conn, 7);
    expect(bench.answers).toEqual([[sent("getver"), 4712]]);
    expect(bench.told()).toEqual([written(7)]);
    bench.receives(packetOf(one.imei, response("Ver:1")), "10.0.0.1", 4712);
    expect(bench.told()).toMatchObject([answered(7, toHex(text("Ver:1")), { isWhole: true, messageType: 6 })]);
    // The answer is not answered, and nothing of it is kept.
    expect([bench.answers.length, bench.frames(), bench.count("berth_udp_packets_total", "unanswered")]).toEqual([1, [], 1]);
  });

  test("is answered by a bare frame from where it was sent to, and by none from elsewhere", () => {
    const { bench, conn } = opened();
    command(bench, conn, 7);
    bench.told();
    bench.receives(response("no"), "10.0.0.1", 4712);
    bench.receives(response("no"), "10.0.0.2", 4711);
    expect([bench.told(), bench.count("berth_udp_packets_total", "unsupported")]).toEqual([[], 2]);
    const broken = response("no");
    broken[broken.length - 1]! ^= 1;
    bench.receives(broken, "10.0.0.1", 4711);
    expect([bench.told(), bench.count("berth_udp_packets_total", "malformed")]).toEqual([[], 1]);
    bench.receives(response("yes"), "10.0.0.1", 4711);
    expect(bench.told()).toMatchObject([answered(7, toHex(text("yes")))]);
    bench.receives(response("yes"), "10.0.0.1", 4711);
    expect([bench.told(), bench.count("berth_udp_packets_total", "unsupported")]).toEqual([[], 3]);
  });

  test("is not answered by a bare frame from where two were asked: nobody knows whose it is", () => {
    const { bench, conn } = opened();
    const two = new TestDevice(2, "8");
    bench.receives(packet(1, two), "10.0.0.1", 4711);
    const other = bench.claim().conn;
    bench.decide(other, "none", 2048);
    bench.settle(bench.frames()[0]!.end);
    command(bench, conn, 7);
    command(bench, other, 8, "getver", { fence: 2048 });
    bench.told();
    bench.receives(response("whose?"), "10.0.0.1", 4711);
    expect([bench.told(), bench.count("berth_udp_packets_total", "unsupported")]).toEqual([[], 1]);
    bench.receives(packetOf(two.imei, response("mine")), "10.0.0.1", 4711);
    expect(bench.told()).toMatchObject([{ type: "commandAnswer", device: two.imei, no: 8 }]);
    bench.receives(response("mine"), "10.0.0.1", 4711);
    expect(bench.told()).toMatchObject([answered(7, toHex(text("mine")))]);
  });

  test("of codec 14 is refused by a device of another IMEI, and an answer in another's name is none", () => {
    const { bench, conn } = opened();
    command(bench, conn, 7, "getver", { codec: 14 });
    expect(bench.answers).toEqual([[sent("getver", 14), 4711]]);
    bench.told();
    bench.receives(response14("x", "356307042441099"), "10.0.0.1", 4711);
    expect([bench.told(), bench.frames().length]).toEqual([[], 1]);
    // A refusal may name the device that it is.
    bench.receives(packetOf(one.imei, response14("", "356307042441099", 17)), "10.0.0.1", 4711);
    expect(bench.told()).toMatchObject([answered(7, "", { messageType: 17, codec: 14 })]);
  });

  test("waits until its device is heard again when a NAT may have forgotten it, and is sent behind the answer to that", () => {
    const { bench, conn } = opened({ udpReachMs: 1000 });
    bench.pass(1020);
    command(bench, conn, 7);
    bench.pass(5000);
    expect([bench.told(), bench.answers]).toEqual([[], []]);
    bench.receives(packet(2), "10.0.0.1", 9);
    expect(bench.answers).toEqual([]);
    bench.settle(bench.frames()[0]!.end);
    expect(bench.answers).toEqual([["0005cafe010502", 9], [sent("getver"), 9]]);
    expect(bench.told()).toEqual([written(7)]);
  });

  test("to a device that never pauses is sent all the same after a while", () => {
    const { bench, conn } = opened({ commandPatienceMs: 100 });
    bench.receives(packet(), "10.0.0.1", 4711);
    command(bench, conn, 7);
    bench.pass(80);
    expect(bench.answers).toEqual([]);
    bench.pass(40);
    expect(bench.answers).toEqual([[sent("getver"), 4711]]);
  });

  test("is not sent beyond its time, under another fence, to who has gone, or in a shutdown, and each is told once", () => {
    const { bench, conn } = opened({ udpReachMs: 100 });
    bench.pass(200);
    command(bench, conn, 7, "a", { ms: 50 });
    bench.pass(100);
    command(bench, conn, 8, "b", { fence: 2048 });
    command(bench, conn + 1, 9, "c");
    command(bench, conn, 10, "d");
    bench.worker.pause();
    command(bench, conn, 11, "e");
    expect(bench.told()).toEqual([7, 8, 9, 10, 11].map(unwritten));
    expect(bench.answers).toEqual([]);
  });

  test("that is not sent when its sender leaves is told before the end of that", () => {
    const { bench, conn } = opened({ udpReachMs: 100 });
    bench.pass(200);
    command(bench, conn, 7);
    bench.evict(conn);
    expect(bench.told()).toMatchObject([unwritten(7), { type: "close", conn }]);
    bench.receives(response("late"), "10.0.0.1", 4711);
    expect([bench.told(), bench.answers]).toEqual([[], []]);
  });

  test("that was sent when its sender leaves is not told again, and its answer is nobody's", () => {
    const { bench, conn } = opened();
    command(bench, conn, 7);
    bench.evict(conn);
    expect(bench.told()).toMatchObject([written(7), { type: "close", conn }]);
    bench.receives(response("late"), "10.0.0.1", 4711);
    expect(bench.told()).toEqual([]);
  });

  test("says it later when the registry's ring has no room, and the answers wait for that as well", () => {
    const { bench, conn } = opened({ controlRingBytes: 4096 });
    let no = 0;
    for (; bench.count("berth_udp_packets_total", "busy") === 0 && no < 1000; no++) {
      command(bench, conn, no);
      bench.receives(response("x"), "10.0.0.1", 4711);
    }
    const told = bench.told();
    bench.pass(20);
    const later = bench.told();
    expect(told.length).toBeGreaterThan(10);
    const said = [...told, ...later].filter(({ type }) => type === "commandDone");
    expect(said).toEqual(Array.from({ length: no }, (_, i) => written(i)));
  });
});

describe("a message of codec 12 to 15 that answers nothing", () => {
  test("is kept as it came and not answered, also when it is the first that is heard", () => {
    const bench = new UdpBench({}, true);
    bench.receives(packetOf(one.imei, response("hello")), "10.0.0.1", 4711);
    bench.decide(bench.claim().conn);
    const [frame] = bench.frames();
    bench.settle(frame!.end);
    expect([frame!.n, bench.answers, bench.count("berth_udp_packets_total", "unanswered")]).toEqual([1, [], 1]);
    bench.receives(packetOf(one.imei, response("hello")), "10.0.0.1", 4711);
    bench.settle(bench.frames()[0]!.end, Verdict.refused);
    expect(bench.count("berth_udp_packets_total", "refused")).toBe(1);
  });

  test("of who does not own the device is not believed", () => {
    const bench = new UdpBench({}, true);
    bench.receives(packetOf(one.imei, response("hello")));
    bench.alongside(bench.claim().conn);
    expect([bench.frames(), bench.count("berth_udp_packets_total", "refused")]).toEqual([[], 1]);
  });

  test("is met with silence where commands over UDP are off", () => {
    const bench = new UdpBench();
    bench.receives(packetOf(one.imei, response("hello")));
    bench.receives(response("hello"));
    expect([bench.told(), bench.count("berth_udp_packets_total", "unsupported"), bench.count("berth_udp_packets_total", "malformed")])
      .toEqual([[], 1, 1]);
  });

  test("longer than a response may be is kept beside the answer that says so", () => {
    const { bench, conn } = opened({ commandResponseBytes: 4 });
    command(bench, conn, 7);
    bench.told();
    bench.receives(packetOf(one.imei, response("too long")), "10.0.0.1", 4711);
    expect(bench.told()).toMatchObject([answered(7, "", { isWhole: false })]);
    expect(bench.frames()).toHaveLength(1);
  });
});
