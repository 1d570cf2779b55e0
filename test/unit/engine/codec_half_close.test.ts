/** A device that sends its last frames and a FIN right behind them, at a codec worker by hand. */
import { describe, expect, test } from "bun:test";
import { encodeCommand } from "../../../src/codec/encode.ts";
import { Stage } from "../../../src/engine/codec/connection.ts";
import { Verdict } from "../../../src/wire/frame_message.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { imeiOf, TestDevice } from "../../support/fleet.ts";
import { encodeLogin } from "../../support/frames.ts";

const device = new TestDevice(1, "8E");
const frame = (count = 1): Uint8Array => device.frame(device.records(count)).bytes;
const COMMAND = [...encodeCommand(12, "getinfo", device.imei)];
const GREETED = [1, 0, 0, 0, 1];

describe("a peer that has sent its FIN", () => {
  test("is answered what it is owed, then told ours", () => {
    const bench = new CodecBench();
    const { connection, socket } = bench.login(device.imei);
    bench.journal.verdict = () => null;
    bench.worker.data(connection, frame(2));
    expect(bench.worker.ended(connection)).toBe(true);
    bench.turn();
    expect([connection.stage, socket.written, socket.fins]).toEqual([Stage.open, [1], 0]);
    bench.journal.verdict = () => 0;
    bench.turn();
    expect([connection.stage, connection.reason]).toEqual([Stage.ending, "closed"]);
    expect([socket.written, socket.fins]).toEqual([[1, 0, 0, 0, 2], 1]);
    expect(bench.worker.ended(connection)).toBe(false);
    bench.worker.close(connection, "closed");
    bench.turn();
    expect(bench.journal.events.filter((event) => event.type === "disconnected")).toHaveLength(1);
    expect(bench.worker.sockets).toBe(0);
  });

  test("is answered all of it, though it waited to be read and the socket takes it in pieces", () => {
    const bench = new CodecBench({ unackedFramesPerConnection: 2 });
    const { connection, socket } = bench.login(device.imei);
    socket.room = 7;
    for (const count of [1, 2, 3, 4, 5]) bench.worker.data(connection, frame(count));
    expect(bench.worker.ended(connection)).toBe(true);
    for (let i = 0; i < 5; i++) bench.turn();
    expect([bench.journal.frames.length, connection.stage, socket.written.length]).toEqual([5, Stage.open, 8]);
    socket.room = Infinity;
    bench.worker.drain(connection);
    expect(socket.written).toEqual([1, ...[1, 2, 3, 4, 5].flatMap((count) => [0, 0, 0, count])]);
    expect([connection.stage, connection.reason, socket.fins]).toEqual([Stage.ending, "closed", 1]);
  });

  test("right behind its login and a frame is admitted and answered", () => {
    const bench = new CodecBench();
    const socket = new BenchSocket();
    const connection = bench.open(socket);
    bench.worker.data(connection, Uint8Array.from([...encodeLogin(device.imei), ...frame(3)]));
    expect(bench.worker.ended(connection)).toBe(true);
    for (let i = 0; i < 3; i++) bench.turn();
    expect([socket.written, socket.fins, connection.reason]).toEqual([[1, 0, 0, 0, 3], 1, "closed"]);
  });

  test("and is owed nothing is closed at once: without a login, with one alone, with half a frame", () => {
    const bench = new CodecBench();
    const nobody = bench.open(new BenchSocket());
    const claiming = bench.open(new BenchSocket());
    bench.worker.data(claiming, encodeLogin(imeiOf(9)));
    const { connection } = bench.login(device.imei);
    bench.worker.data(connection, frame().subarray(0, 20));
    expect([nobody, claiming, connection].map((one) => bench.worker.ended(one))).toEqual([false, false, false]);
  });

  test("is written no command: it is queued for the next connection", () => {
    const bench = new CodecBench();
    const { connection, socket } = bench.login(device.imei);
    bench.worker.data(connection, frame());
    bench.turn();
    bench.journal.verdict = () => null;
    bench.worker.data(connection, frame(2));
    const id = bench.command(device.imei);
    bench.pass(30);
    expect(bench.worker.ended(connection)).toBe(true);
    bench.journal.verdict = () => Verdict.kept;
    bench.pass(30);
    expect([socket.written, socket.fins]).toEqual([[...GREETED, 0, 0, 0, 2], 1]);
    bench.worker.close(connection, "closed");
    bench.pass(30);
    const next = bench.login(device.imei);
    bench.worker.data(next.connection, frame());
    bench.pass(30);
    expect(next.socket.written).toEqual([...GREETED, ...COMMAND]);
    expect(bench.states(id)).toEqual(["queued", "routed", "queued", "routed", "written"]);
  });
});
