/** Commands on one codec worker, by hand: when they are written, what counts as their answer, what the registry hears. */
import { describe, expect, test } from "bun:test";
import { encodeCommand, encodeFrame, encodeMessage } from "../../../src/codec/encode.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { TestDevice } from "../../support/fleet.ts";
import { Verdict } from "../../../src/wire/frame_message.ts";

const device = new TestDevice(1, "8E");
const frame = (count = 1): Uint8Array => device.frame(device.records(count)).bytes;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const response = (text: string, codec: "12" | "14" = "12", type = 6): Uint8Array =>
  encodeFrame(encodeMessage(codec, { type, payload: ascii(text), ...(codec === "14" ? { imei: device.imei } : {}) }));
const COMMAND = [...encodeCommand(12, "getinfo", device.imei)];
const GREETED = [1, 0, 0, 0, 1];

/** Logged in, and its first frame is acknowledged. */
function greeted(bench: CodecBench, socket = new BenchSocket()) {
  const opened = bench.login(device.imei, socket);
  bench.worker.data(opened.connection, frame());
  bench.turn();
  expect(socket.written).toEqual(GREETED);
  socket.written.length = 0;
  return opened;
}

describe("a command", () => {
  test("is written at once to a quiet connection, and its answer ends it", () => {
    const bench = new CodecBench();
    const { connection, socket } = greeted(bench);
    const id = bench.command(device.imei);
    bench.pass(30);
    expect(socket.written).toEqual(COMMAND);
    bench.worker.data(connection, response("INI:2026"));
    bench.pass(30);
    expect(bench.states(id)).toEqual(["queued", "routed", "written", "answered INI:2026"]);
    expect(socket.written).toEqual(COMMAND);
    expect([bench.count("berth_commands_total", "answered"), bench.count("berth_frames_total", "12,unanswered")]).toEqual([1, 1]);
  });

  test("is not written before its row is on the disk", () => {
    const bench = new CodecBench();
    const { socket } = greeted(bench);
    bench.journal.keepsCommands = false;
    const id = bench.command(device.imei);
    bench.pass(200);
    expect([bench.states(id), socket.written]).toEqual([["queued", "routed"], []]);
    bench.journal.keepsCommands = true;
    bench.pass(30);
    expect(socket.written).toEqual(COMMAND);
  });

  test("waits for every frame's acknowledgement, and goes behind it", () => {
    const bench = new CodecBench();
    const { connection, socket } = greeted(bench);
    bench.journal.verdict = () => null;
    bench.worker.data(connection, frame(2));
    bench.command(device.imei);
    bench.pass(100);
    expect(socket.written).toEqual([]);
    bench.journal.verdict = () => Verdict.kept;
    bench.pass(30);
    expect(socket.written).toEqual([0, 0, 0, 2, ...COMMAND]);
  });

  test("waits for a frame that has begun, and for bytes the socket has not taken", () => {
    const bench = new CodecBench();
    const { connection, socket } = greeted(bench);
    const bytes = frame(3);
    bench.worker.data(connection, bytes.subarray(0, 20));
    bench.command(device.imei);
    bench.pass(100);
    expect(socket.written).toEqual([]);
    socket.room = 2;
    bench.worker.data(connection, bytes.subarray(20));
    bench.pass(100);
    expect(socket.written).toEqual([0, 0]);
    socket.room = Infinity;
    bench.worker.drain(connection);
    bench.pass(30);
    expect(socket.written).toEqual([0, 0, 0, 3, ...COMMAND]);
  });

  test("is written whole before any later acknowledgement when the socket takes only a part of it", () => {
    const bench = new CodecBench();
    const { connection, socket } = greeted(bench);
    socket.room = 5;
    bench.command(device.imei);
    bench.pass(30);
    bench.worker.data(connection, frame(4));
    bench.pass(30);
    expect(socket.written).toEqual(COMMAND.slice(0, 5));
    socket.room = Infinity;
    bench.worker.drain(connection);
    expect(socket.written).toEqual([...COMMAND, 0, 0, 0, 4]);
  });

  test("waits in the shadow of a login for the first frame, but not for ever", () => {
    for (const sends of [true, false]) {
      const bench = new CodecBench({ commandLoginMs: 500 });
      bench.login(device.imei);
      const { connection, socket } = bench.login(device.imei);
      bench.command(device.imei);
      bench.pass(400);
      expect(socket.written).toEqual([1]);
      if (sends) bench.worker.data(connection, frame());
      else bench.pass(200);
      bench.pass(30);
      expect(socket.written).toEqual([1, ...(sends ? [0, 0, 0, 1] : []), ...COMMAND]);
    }
  });

  test("that finds no moment between frames makes one: reading stops at the end of a frame until all is answered", () => {
    const bench = new CodecBench({ commandPatienceMs: 300 });
    const { connection, socket } = greeted(bench);
    let sent = 0;
    let owed = 0;
    // Always one frame more than is answered: never a quiet moment.
    bench.journal.verdict = (one) => one.n > 0 && owed > 1 ? (owed--, Verdict.kept) : null;
    bench.command(device.imei);
    const send = (): void => {
      sent++;
      owed++;
      bench.worker.data(connection, frame());
    };
    send();
    for (let i = 0; i < 25; i++) {
      send();
      bench.pass(10);
    }
    expect(socket.written).toHaveLength(4 * (sent - 1));
    bench.pass(100);
    send();
    send();
    bench.journal.verdict = () => Verdict.kept;
    bench.pass(50);
    const acks = (count: number): number[] => Array.from({ length: count }, () => [0, 0, 0, 1]).flat();
    const at = socket.written.findIndex((_, i) => COMMAND.every((byte, k) => socket.written[i + k] === byte));
    expect(at % 4).toBe(0);
    expect(socket.written).toEqual([...acks(at / 4), ...COMMAND, ...acks(sent - at / 4)]);
    // The frame that came after the pause was read after the command.
    expect(at / 4).toBe(sent - 1);
  });
});

describe("the answer to a command", () => {
  const asked = (codec: 12 | 14 = 12) => {
    const bench = new CodecBench();
    const { connection, socket } = greeted(bench);
    const id = bench.command(device.imei, "getinfo", { codec });
    bench.pass(30);
    expect(socket.written).toEqual([...encodeCommand(codec, "getinfo", device.imei)]);
    const answer = (bytes: Uint8Array): string[] => {
      bench.worker.data(connection, bytes);
      bench.pass(30);
      return bench.states(id).slice(3);
    };
    return { bench, connection, id, answer };
  };

  test("of codec 14 is a response or a refusal", () => {
    expect(asked(14).answer(response("ok", "14"))).toEqual(["answered ok"]);
    expect(asked(14).answer(response("", "14", 0x11))).toEqual(["nacked"]);
  });

  test("is not a message of another kind: kept as it came", () => {
    const { bench, answer } = asked();
    expect(answer(response("x", "12", 0x0d))).toEqual([]);
    expect(answer(response("x", "14"))).toEqual([]);
    expect(answer(response("x", "12", 0x11))).toEqual([]);
    expect(bench.journal.frames.filter(({ kind }) => kind === 3)).toHaveLength(3);
    expect(answer(response("yes"))).toEqual(["answered yes"]);
  });

  test("that is no text is hex, and one that is too long is kept beside its command", () => {
    expect(asked().answer(encodeFrame(encodeMessage("12", { type: 6, payload: Uint8Array.of(0xff, 0, 1) })))).toEqual([
      "answered hex:ff0001",
    ]);
    const { bench, answer } = asked();
    expect(answer(response("x".repeat(2100)))).toEqual(["answered"]);
    expect(bench.journal.frames.filter(({ kind }) => kind === 3)).toHaveLength(1);
  });

  test("that comes late completes nothing, and lets the next command go", () => {
    const { bench, connection, id, answer } = asked();
    const next = bench.command(device.imei, "getver");
    bench.pass(5100);
    expect([bench.states(id).at(-1), bench.states(next)]).toEqual(["unknown timeout", ["queued"]]);
    expect(answer(response("late"))).toEqual(["unknown timeout"]);
    const late = bench.journal.events.filter((event) => event.type === "lateAnswer");
    expect(late).toMatchObject([{ command: id, hex: "6c617465" }]);
    expect(bench.states(next)).toEqual(["queued", "routed", "written"]);
    bench.worker.data(connection, response("1.2.3"));
    bench.pass(30);
    expect(bench.states(next).at(-1)).toBe("answered 1.2.3");
  });

  test("to nobody is kept as it came", () => {
    const bench = new CodecBench();
    const { connection } = greeted(bench);
    bench.worker.data(connection, response("hello"));
    bench.pass(30);
    expect(bench.journal.frames.filter(({ kind }) => kind === 3)).toHaveLength(1);
  });
});

describe("commands by way of rings that are full", () => {
  test("wait, and all of them get through, in order, when there is room again", () => {
    const bench = new CodecBench({ controlRingBytes: 8192, commandsPerDevice: 32 });
    const { connection, socket } = greeted(bench);
    const text = "x".repeat(200);
    const ids: string[] = [];
    bench.journalRuns = false;
    for (let i = 0; i < 12; i++) {
      ids.push(bench.command(device.imei, `${text}${i}`, { ttlMs: 600_000, timeoutMs: 60_000 }));
      bench.pass(10);
    }
    expect(socket.written).toEqual([]);
    bench.journalRuns = true;
    for (let i = 0; i < 12; i++) {
      bench.pass(50);
      expect([i, socket.written]).toEqual([i, [...encodeCommand(12, `${text}${i}`, device.imei)]]);
      socket.written.length = 0;
      bench.worker.data(connection, response(`ok ${i}`));
    }
    bench.pass(50);
    expect(ids.map((id) => bench.states(id))).toEqual(ids.map((_, i) => ["queued", "routed", "written", `answered ok ${i}`]));
  });

  test("beyond the bounds are refused: of one device, and of all", () => {
    const bench = new CodecBench({ commands: 3, commandsPerDevice: 2 });
    const other = new TestDevice(2, "8E").imei;
    greeted(bench);
    bench.login(other);
    const ids = [device.imei, device.imei, device.imei, other, other].map((imei) => bench.command(imei));
    bench.pass(30);
    expect(ids.map((id) => bench.told(id)?.[0])).toEqual(["done", "done", "refused", "done", "busy"]);
    expect([bench.told(ids[0]!), bench.told(ids[2]!)]).toEqual([["done", ids[0]!], ["refused", "device_full"]]);
  });

  test("that could never take it are said so at once", () => {
    const bench = new CodecBench({ controlRingBytes: 4096 });
    greeted(bench);
    const id = bench.command(device.imei, "x".repeat(600));
    bench.pass(30);
    expect([bench.states(id), bench.told(id)]).toEqual([[], ["refused", "too_long"]]);
  });
});

describe("a command and its connection", () => {
  test("written to one that is replaced is unknown; not written it goes to the next one", () => {
    for (const isWritten of [true, false]) {
      const bench = new CodecBench();
      const first = greeted(bench);
      if (!isWritten) bench.worker.data(first.connection, frame().subarray(0, 9));
      const id = bench.command(device.imei);
      bench.pass(30);
      const next = bench.login(device.imei);
      bench.pass(30);
      bench.worker.data(next.connection, frame());
      bench.pass(1100);
      expect(first.socket.written).toEqual(isWritten ? COMMAND : []);
      expect(next.socket.written).toEqual(isWritten ? GREETED : [...GREETED, ...COMMAND]);
      const before = ["queued", "routed"];
      expect(bench.states(id)).toEqual(isWritten ? [...before, "written", "unknown superseded"] : [...before, ...before, "written"]);
    }
  });

  test("whose time to live ends before a moment came is expired, and reading goes on", () => {
    const bench = new CodecBench({ commandPatienceMs: 10 });
    const { connection, socket } = greeted(bench);
    bench.journal.verdict = () => null;
    bench.worker.data(connection, frame());
    const id = bench.command(device.imei, "getinfo", { ttlMs: 200 });
    bench.pass(150);
    bench.worker.data(connection, frame());
    bench.worker.data(connection, frame());
    bench.pass(100);
    expect([bench.states(id), socket.written]).toEqual([["queued", "routed", "expired ttl"], []]);
    bench.journal.verdict = () => Verdict.kept;
    bench.pass(50);
    expect(socket.written).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  test("that stops with its gateway is queued again", () => {
    const bench = new CodecBench();
    const { connection, socket } = greeted(bench);
    bench.worker.data(connection, frame().subarray(0, 9));
    const id = bench.command(device.imei);
    bench.pass(30);
    bench.context.board.setPhase(1);
    bench.pass(20);
    bench.worker.pause();
    bench.pass(30);
    expect([bench.states(id), socket.written]).toEqual([["queued", "routed", "queued"], []]);
  });
});
