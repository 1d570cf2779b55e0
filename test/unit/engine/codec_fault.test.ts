/** A fault behind good frames, at a codec worker by hand: what was good is answered, what is not never is, and the connection is closed. */
import { describe, expect, test } from "bun:test";
import { Stage } from "../../../src/engine/codec/connection.ts";
import { Verdict } from "../../../src/wire/frame_message.ts";
import { CodecBench } from "../../support/codec_bench.ts";
import { TestDevice } from "../../support/fleet.ts";

const device = new TestDevice(1, "8E");
const frame = (count = 1): Uint8Array => device.frame(device.records(count)).bytes;
const wrongCrc = (): Uint8Array => {
  const bytes = frame();
  return bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1);
};
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const FAULTS: readonly (readonly [string, () => Uint8Array])[] = [
  ["a wrong CRC", wrongCrc],
  ["a byte that begins no frame", () => Uint8Array.of(1)],
  ["a length beyond the limit", () => Uint8Array.of(0, 0, 0, 0, 0xff)],
];

describe.each(FAULTS)("good frames before %s", (_, fault) => {
  test("are answered when they are kept, and then it is closed", () => {
    const bench = new CodecBench();
    const { connection, socket } = bench.login(device.imei);
    bench.journal.verdict = () => null;
    bench.worker.data(connection, join(frame(2), frame(3), fault()));
    // What it sends behind the fault is nobody's.
    bench.worker.data(connection, frame(4));
    bench.turn();
    expect([connection.stage, socket.written, socket.fins]).toEqual([Stage.open, [1], 0]);
    bench.journal.verdict = () => Verdict.kept;
    bench.turn();
    expect([socket.written, socket.fins]).toEqual([[1, 0, 0, 0, 2, 0, 0, 0, 3], 1]);
    expect([connection.stage, connection.reason]).toEqual([Stage.ending, "bad_frame"]);
    bench.worker.close(connection, "closed");
    bench.turn();
    expect(bench.journal.events.filter((event) => event.type === "disconnected")).toHaveLength(1);
    expect(bench.worker.sockets).toBe(0);
  });

  test("are not answered when they are not kept, and it is closed for that", () => {
    const bench = new CodecBench();
    const { connection, socket } = bench.login(device.imei);
    bench.journal.verdict = () => Verdict.failed;
    bench.worker.data(connection, join(frame(2), fault()));
    bench.turn();
    expect([socket.written, socket.fins, connection.reason]).toEqual([[1], 1, "commit_failed"]);
  });

  test("do not keep one open that reads nothing, and no command goes out behind them", () => {
    const bench = new CodecBench();
    const { connection, socket } = bench.login(device.imei);
    bench.worker.data(connection, frame());
    bench.turn();
    bench.journal.verdict = () => null;
    socket.room = 3;
    bench.worker.data(connection, frame(2));
    bench.command(device.imei);
    bench.pass(30);
    bench.worker.data(connection, fault());
    bench.journal.verdict = () => Verdict.kept;
    bench.pass(30);
    expect([socket.written, socket.fins, connection.reason]).toEqual([[1, 0, 0, 0, 1, 0, 0, 0], 1, "bad_frame"]);
  });
});

test.each(FAULTS)("with nothing owed %s closes at once", (_, fault) => {
  const bench = new CodecBench();
  const { connection, socket } = bench.login(device.imei);
  bench.worker.data(connection, fault());
  expect([connection.stage, connection.reason, socket.fins]).toEqual([Stage.ending, "bad_frame", 1]);
});
