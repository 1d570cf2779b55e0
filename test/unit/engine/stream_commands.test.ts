/** Commands on device streams: taken by the client or not, and the registry hears of each once, whatever happens to the stream. */
import { describe, expect, test } from "bun:test";
import { asConnId, asDeviceId, asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { DeviceStream } from "../../../src/engine/http/device_stream.ts";
import { StreamCommands } from "../../../src/engine/http/stream_commands.ts";
import { createRing } from "../../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../../src/ring/wait.ts";
import { type Message, receive } from "../../../src/wire/control.ts";

const CONN = asConnId(1);
const FENCE = 1024;
const text = (bytes: Uint8Array | null): string | null => bytes === null ? null : new TextDecoder().decode(bytes);

class Bench {
  now = 1000;
  reserve = 0;
  readonly stream: DeviceStream;
  readonly commands: StreamCommands;
  readonly #ring: RingConsumer;

  constructor() {
    const memory = createRing(4096);
    this.#ring = new RingConsumer(memory);
    const bell = new Bell(new SharedArrayBuffer(BELL_BYTES), 0);
    const clock = { mono: () => asMonoMs(this.now), wall: () => asWallMs(this.now) };
    this.commands = new StreamCommands({
      claims: new RingProducer(memory, bell),
      clock,
      limits: limitsWith(),
      reserve: () => this.reserve,
    });
    this.stream = new DeviceStream(CONN, asDeviceId("lamp"), { address: "10.0.0.1", port: 1 }, () => {}, this.commands.taken);
    this.stream.stage = "open";
    this.stream.fence = FENCE;
  }

  begin(no: number, more: { fence?: number; ms?: number } = {}): void {
    const { fence = FENCE, ms = 1000 } = more;
    this.commands.begin(this.stream, { type: "command", conn: CONN, fence, no, id: `id${no}`, codec: 12, text: "on", expiresInMs: ms });
  }
  said(): [number, boolean][] {
    const said: [number, boolean][] = [];
    while (this.#ring.next()) {
      const message: Message = receive(this.#ring);
      if (message.type === "commandDone") said.push([message.no, message.written]);
    }
    this.#ring.release();
    return said;
  }
}

describe("a command on a stream", () => {
  test("is told as written when the client has taken it, and not before", async () => {
    const bench = new Bench();
    bench.begin(7);
    expect(bench.said()).toEqual([]);
    expect(text(await bench.stream.next())).toBe('event: command\ndata: {"device":"lamp","fence":1024,"id":"id7","text":"on"}\n\n');
    expect(bench.said()).toEqual([[7, true]]);
    const next = bench.stream.next();
    bench.begin(8);
    expect(text(await next)).toContain('"id":"id8"');
    expect(bench.said()).toEqual([[8, true]]);
  });

  test("goes behind the configuration and before a heartbeat, which it stands for", async () => {
    const bench = new Bench();
    bench.begin(7);
    bench.stream.beat(bench.now);
    bench.stream.give({ device: "lamp", version: 1, value: "5", at: 0, applied: null, failed: null, reason: null }, bench.now);
    expect(text(await bench.stream.next())).toContain("event: config");
    expect(text(await bench.stream.next())).toContain("event: command");
    bench.stream.bye("shutdown", bench.now);
    expect(text(await bench.stream.next())).toContain("event: bye");
  });

  test("that nobody takes in its time is not given any more", async () => {
    const bench = new Bench();
    bench.begin(7, { ms: 100 });
    bench.now += 99;
    bench.commands.look(bench.stream, bench.now);
    expect(bench.said()).toEqual([]);
    bench.now++;
    bench.commands.look(bench.stream, bench.now);
    expect(bench.said()).toEqual([[7, false]]);
    bench.stream.beat(bench.now);
    expect(text(await bench.stream.next())).toBe(": \n\n");
  });

  test("is for one connection: under another fence, before its admission, after its end and in a shutdown it is not given", () => {
    const bench = new Bench();
    bench.begin(1, { fence: 2048 });
    bench.stream.stage = "asking";
    bench.begin(2);
    bench.stream.stage = "ended";
    bench.begin(3);
    bench.commands.begin(null, { type: "command", conn: CONN, fence: FENCE, no: 4, id: "", codec: 12, text: "on", expiresInMs: 9 });
    bench.stream.stage = "open";
    bench.begin(5);
    bench.commands.stop([null, bench.stream]);
    bench.commands.stop([null, bench.stream]);
    bench.begin(6);
    expect(bench.said()).toEqual([1, 2, 3, 4, 5, 6].map((no) => [no, false]));
  });

  test("that waits when its stream ends is withdrawn once", () => {
    const bench = new Bench();
    bench.begin(7);
    bench.commands.withdraw(bench.stream);
    bench.commands.withdraw(bench.stream);
    expect([bench.said(), bench.stream.command]).toEqual([[[7, false]], null]);
  });

  test("is told later when the registry's ring has no room, in order", async () => {
    const bench = new Bench();
    bench.reserve = 1 << 20;
    for (let no = 0; no < 3; no++) {
      bench.begin(no);
      await bench.stream.next();
    }
    expect(bench.said()).toEqual([]);
    bench.reserve = 0;
    bench.commands.tell();
    expect(bench.said()).toEqual([[0, true], [1, true], [2, true]]);
  });
});
