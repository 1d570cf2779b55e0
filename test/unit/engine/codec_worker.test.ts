/** A codec worker by hand: full sockets, silent peers, time. What real sockets on loopback do not do on demand. */
import { describe, expect, test } from "bun:test";
import { Stage } from "../../../src/engine/codec/connection.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { imeiOf, TestDevice } from "../../support/fleet.ts";
import { encodeLogin } from "../../support/frames.ts";

const device = new TestDevice(1, "8E");
const frame = (count = 1): Uint8Array => device.frame(device.records(count)).bytes;

describe("a peer that does not read", () => {
  test("gets its answers in order when it reads again", () => {
    const bench = new CodecBench();
    const { connection, socket } = bench.login(device.imei);
    socket.room = 6;
    for (const count of [1, 2, 3]) bench.worker.data(connection, frame(count));
    bench.turn();
    expect(socket.written).toEqual([1, 0, 0, 0, 1, 0, 0]);
    bench.worker.data(connection, frame(4));
    bench.turn();
    expect(socket.written).toHaveLength(7);
    socket.room = Infinity;
    bench.worker.drain(connection);
    expect(socket.written).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]);
  });

  test("is closed as slow at the bound, and is reset when it does not take the FIN", () => {
    const bench = new CodecBench({ outboundBytesPerConnection: 1024, evictedCloseMs: 100 });
    const { connection, socket } = bench.login(device.imei);
    socket.room = 0;
    for (let i = 0; i < 300 && connection.stage === Stage.open; i++) {
      bench.worker.data(connection, frame());
      bench.turn();
    }
    expect([connection.stage, connection.reason, connection.out.length, socket.fins]).toEqual([Stage.ending, "slow", 1028, 1]);
    bench.pass(90);
    expect(socket.resets).toBe(0);
    bench.pass(50);
    expect(socket.resets).toBe(1);
    bench.worker.close(connection, "reset");
    expect([bench.count("berth_closed_total", "slow"), bench.worker.sockets]).toEqual([1, 0]);
  });

  test("and is the holder of a device delays its successor by nothing: 300 of 300, each old one reset in time", () => {
    const bench = new CodecBench({ evictedCloseMs: 100 });
    let holder = bench.login(device.imei);
    for (let round = 0; round < 300; round++) {
      holder.socket.room = 2;
      bench.worker.data(holder.connection, frame());
      bench.turn();
      const next = bench.login(device.imei);
      expect(next.socket.written).toEqual([1]);
      bench.worker.data(next.connection, frame(2));
      bench.turn();
      expect(next.socket.written).toEqual([1, 0, 0, 0, 2]);
      bench.pass(130);
      expect([holder.socket.fins, holder.socket.resets]).toEqual([1, 1]);
      bench.worker.close(holder.connection, "reset");
      holder = next;
    }
    expect([bench.worker.sockets, bench.count("berth_closed_total", "superseded")]).toEqual([1, 300]);
  });
});

describe("a peer that sends more than may wait", () => {
  test("is not read from while it does, and again after", () => {
    const bench = new CodecBench({ unackedFramesPerConnection: 2, frameBytes: 2000 });
    const { connection, socket } = bench.login(device.imei);
    bench.journal.verdict = () => null;
    for (let i = 0; i < 40; i++) bench.worker.data(connection, frame());
    bench.turn();
    expect(bench.journal.frames).toHaveLength(2);
    expect([socket.pauses, socket.resumes]).toEqual([1, 0]);
    bench.journal.verdict = () => 0;
    for (let i = 0; i < 25; i++) bench.turn();
    expect(bench.journal.frames).toHaveLength(40);
    expect([socket.pauses, socket.resumes]).toEqual([1, 1]);
    expect(socket.written).toHaveLength(1 + 160);
  });
});

describe("time", () => {
  test("before the login is bounded even for one that sends a byte now and then", () => {
    const bench = new CodecBench({ loginTimeoutMs: 1000 });
    const socket = new BenchSocket();
    const connection = bench.open(socket);
    for (const byte of encodeLogin(device.imei).slice(0, 9)) {
      bench.worker.data(connection, Uint8Array.of(byte));
      bench.pass(100);
    }
    expect(connection.stage).toBe(Stage.login);
    bench.pass(150);
    expect([connection.stage, connection.reason]).toEqual([Stage.ending, "login_timeout"]);
    expect(bench.context.addresses.waiting("10.0.0.1")).toBe(0);
  });

  test("after the login counts from the last byte", () => {
    const bench = new CodecBench({ idleTimeoutMs: 1000 });
    const { connection } = bench.login(device.imei);
    for (let i = 0; i < 5; i++) {
      bench.pass(900);
      bench.worker.data(connection, Uint8Array.of(0xff));
    }
    bench.pass(950);
    expect(connection.stage).toBe(Stage.open);
    bench.pass(100);
    expect([connection.stage, connection.reason]).toEqual([Stage.ending, "idle_timeout"]);
  });
});

test("the position of a close is never older than what is settled, however long the connection was silent", () => {
  const bench = new CodecBench({ frameRingBytes: 4096, ringStartPosition: 0 });
  const quiet = bench.login(imeiOf(7));
  bench.worker.data(quiet.connection, frame());
  bench.turn();
  const old = bench.journal.frames[0]!.end;
  const busy = bench.login(imeiOf(8));
  for (let i = 0; i < 100; i++) {
    bench.worker.data(busy.connection, frame());
    bench.turn();
  }
  bench.worker.close(quiet.connection, "closed");
  bench.turn();
  const ended = bench.journal.events.find((event) => event.type === "disconnected");
  expect(ended?.position).toBe(bench.journal.frames.at(-1)!.end);
  expect(ended?.position).toBeGreaterThan(old);
});

test("what comes late for a connection never reaches its successor in the slot", () => {
  const bench = new CodecBench({ connections: 1, loginSockets: 0 });
  bench.journal.verdict = () => null;
  const first = bench.login(device.imei);
  bench.worker.data(first.connection, frame());
  bench.turn();
  bench.worker.close(first.connection, "reset");
  const second = bench.login(device.imei);
  expect(second.connection.slot).toBe(first.connection.slot);
  bench.journal.verdict = () => 0;
  bench.turn();
  expect([first.socket.written, second.socket.written, second.connection.unacked]).toEqual([[1], [1], 0]);
});

test("a socket beyond the table is turned away and leaves nothing", () => {
  const bench = new CodecBench({ connections: 1, loginSockets: 0 });
  bench.login(device.imei);
  const socket = new BenchSocket();
  expect(bench.open(socket)).toBeNull();
  bench.worker.close(null, "closed");
  expect([socket.resets, bench.context.addresses.waiting("10.0.0.1")]).toEqual([1, 0]);
});

test("a full house still lets a connected device in again, and closes a newcomer unanswered", () => {
  const bench = new CodecBench({ connections: 1, loginSockets: 1 });
  const first = bench.login(device.imei);
  const stranger = bench.login(imeiOf(9));
  expect([stranger.socket.written, stranger.connection.reason]).toEqual([[], "store_busy"]);
  bench.worker.close(stranger.connection, "closed");
  expect(bench.login(device.imei).socket.written).toEqual([1]);
  expect(first.connection.reason).toBe("superseded");
  expect(bench.count("berth_logins_total", "connections")).toBe(1);
});
