/** The simulator against a server in memory: what it sends, how it takes a lost connection, how it ends. */
import { describe, expect, test } from "bun:test";
import { quotaOf, simulate, type SimulateOptions, type SimulatePlatform, startBefore, stepMsOf } from "../../../src/cli/simulate.ts";
import { codecOf, FrameSource, imeiOf, type SourceOptions } from "../../../src/cli/simulate_source.ts";
import { progressLine, type Summary, summaryOf, Tally } from "../../../src/cli/simulate_tally.ts";
import { type DecodedRecords, decodeStream } from "../../../src/codec/codec.ts";
import { Framer, Next } from "../../../src/codec/framer.ts";
import type { AvlRecord } from "../../../src/codec/record.ts";
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import type { Socket, SocketHandler } from "../../../src/platform/port.ts";

const START = 1_760_000_000_000;
const SOURCE: SourceOptions = { seed: 5, codec: "mix", records: 4, start: START, stepMs: 1000, newestFirst: false };
const OPTIONS: SimulateOptions = {
  host: "memory",
  port: 1,
  devices: 3,
  rate: 0,
  records: 4,
  codec: "mix",
  seconds: 20,
  frames: 30,
  seed: 5,
  imei: "356307042440000",
  start: START,
  newestFirst: false,
  tls: null,
  udp: false,
};

interface Server {
  readonly platform: SimulatePlatform;
  /** Frames received per IMEI, in order, re-sent ones too. */
  readonly received: Map<string, AvlRecord[][]>;
  readonly out: string[];
  connects: number;
  interrupt: () => void;
}

type Verdict = "ack" | "close" | "wrong" | "silent" | "ack_and_close";

/** `onFrame` says what the server does with frame number `n` of all; `admit` whether login number `n` is accepted. */
function serverInMemory(onFrame: (n: number) => Verdict = () => "ack", admit: (n: number) => boolean = () => true): Server {
  let frames = 0;
  let logins = 0;
  const server: Server = {
    received: new Map(),
    out: [],
    connects: 0,
    interrupt: () => undefined,
    platform: null as unknown as SimulatePlatform,
  };
  const connectTcp = <T>(_host: string, _port: number, handler: SocketHandler<T>): Promise<Socket> => {
    server.connects++;
    let imei = "";
    let open = true;
    let state: T;
    const answer = (bytes: number[]): void => queueMicrotask(() => open && handler.data(state, Uint8Array.from(bytes)));
    const close = (): void =>
      queueMicrotask(() => {
        if (open) handler.close(state, "closed");
        open = false;
      });
    const framer = new Framer<null>(
      {
        login: (_c, id) => (imei = id, answer([admit(++logins) ? 1 : 0]), Next.go),
        frame: (_c, bytes, start, length) => {
          const [decoded] = decodeStream(bytes.slice(start - 8, start + length + 4), 32_768) as DecodedRecords[];
          const list = server.received.get(imei) ?? [];
          server.received.set(imei, [...list, [...decoded!.records]]);
          const verdict = onFrame(++frames);
          if (verdict === "close") close();
          else if (verdict !== "silent") answer([0, 0, 0, decoded!.records.length + (verdict === "wrong" ? 1 : 0)]);
          if (verdict === "ack_and_close") close();
          return Next.go;
        },
        badCrc: () => Next.stop,
        ping: () => undefined,
        violation: () => undefined,
      },
      null,
      32_768,
    );
    // Takes little at a time: the rest must come after `drain`.
    const socket: Socket = {
      peer: { address: "memory", port: 1 },
      fd: -1,
      pause: () => undefined,
      resume: () => undefined,
      end: close,
      reset: close,
      write(bytes) {
        const taken = bytes.length > 20 ? 20 : bytes.length;
        framer.push(bytes.slice(0, taken));
        if (taken < bytes.length) queueMicrotask(() => open && handler.drain(state));
        return taken;
      },
    };
    return Promise.resolve().then(() => {
      state = handler.open(socket);
      return socket;
    });
  };
  const platform: SimulatePlatform = {
    connectTcp,
    connectTls: () => Promise.reject(new Error("Cannot connect with TLS: not asked for")),
    openUdp: () => Promise.reject(new Error("Cannot open a datagram socket: not asked for")),
    lookup: (host) => Promise.resolve(host),
    clock: { mono: () => asMonoMs(performance.now()), wall: () => asWallMs(Date.now()) },
    onSignal: (_name, call) => void (server.interrupt = call),
    writeOut: (text) => void server.out.push(text),
    writeErr: () => undefined,
    errIsTerminal: false,
  };
  return Object.assign(server, { platform });
}

const summary = (server: Server): Summary => JSON.parse(server.out.join("")) as Summary;
const sentBy = (index: number, frames: number, changes: Partial<SourceOptions> = {}): AvlRecord[][] => {
  const source = new FrameSource({ ...SOURCE, stepMs: 1, ...changes }, index);
  return Array.from({ length: frames }, () => [...source.next().records]);
};

describe("simulate", () => {
  test("sends what its seed says in all three codecs and is acknowledged", async () => {
    const server = serverInMemory();
    expect(await simulate(OPTIONS, server.platform)).toBe(0);
    for (let index = 0; index < 3; index++) expect(server.received.get(imeiOf(OPTIONS.imei, index))).toEqual(sentBy(index, 10));
    expect(summary(server)).toMatchObject({ sent: 30, acked: 30, records: 120, resent: 0, reconnects: 0, refused: 0 });
    expect(server.connects).toBe(3);
  });

  test("sends the same frame again after a lost connection and after a wrong answer", async () => {
    const server = serverInMemory((n) => n === 5 ? "close" : n === 8 ? "wrong" : "ack");
    expect(await simulate({ ...OPTIONS, devices: 1, frames: 10 }, server.platform)).toBe(0);
    const expected = sentBy(0, 10);
    expect(server.received.get(OPTIONS.imei)).toEqual([
      ...expected.slice(0, 5),
      expected[4]!,
      expected[5]!,
      expected[6]!,
      ...expected.slice(6),
    ]);
    expect(summary(server)).toMatchObject({ sent: 10, acked: 10, resent: 2, reconnects: 2, mismatches: 1 });
  });

  test("comes again after a refused login", async () => {
    const server = serverInMemory(() => "ack", (n) => n > 2);
    expect(await simulate({ ...OPTIONS, devices: 1, frames: 2 }, server.platform)).toBe(0);
    expect(summary(server)).toMatchObject({ acked: 2, refused: 2, reconnects: 2 });
  });

  test("keeps to its rate", async () => {
    const server = serverInMemory();
    expect(await simulate({ ...OPTIONS, rate: 100, frames: null, seconds: 0.5 }, server.platform)).toBe(0);
    expect(summary(server).acked).toBeGreaterThan(10);
    expect(summary(server).acked).toBeLessThanOrEqual(51);
  });

  test("gives a tracker that lost its connection while it waited its share and no more", async () => {
    const server = serverInMemory((n) => n <= 10 ? "ack_and_close" : "ack");
    expect(await simulate({ ...OPTIONS, devices: 40, rate: 120, frames: null, seconds: 2 }, server.platform)).toBe(0);
    const counts = [...server.received.values()].map(({ length }) => length);
    expect(counts).toHaveLength(40);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
  });

  test("ends with 1 when nothing was acknowledged", async () => {
    const server = serverInMemory(() => "ack", () => false);
    expect(await simulate({ ...OPTIONS, seconds: 0.2 }, server.platform)).toBe(1);
    expect(summary(server)).toMatchObject({ sent: 0, acked: 0, ackP50Ms: null });
  });

  test("ends by itself when nobody lets a tracker in, and says so", async () => {
    const { platform } = serverInMemory();
    const said: string[] = [];
    let now = 0;
    const nobody: SimulatePlatform = {
      ...platform,
      connectTcp: () => Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" })),
      // Time passes as it is looked at, so that the bound is reached in a moment, and by as little on any machine.
      clock: { ...platform.clock, mono: () => asMonoMs(now += 100) },
      writeErr: (text) => void said.push(text),
    };
    expect(await simulate({ ...OPTIONS, frames: 1 }, nobody)).toBe(1);
    expect(said).toHaveLength(2);
    expect(said[0]).toBe('berth: memory:1 lets no tracker in (connection refused; is "berth serve" running?), trying for 15 s\n');
    expect(said[1]).toMatch(
      /^berth: Cannot simulate: memory:1 let no tracker in for 15 s \(\d+ attempts, 0 refused\): connection refused; is "berth serve" running\?\n$/,
    );
  });

  test("says where it drives, and what was left when it fails", async () => {
    const saidBy = async (answer: () => Verdict, options: Partial<SimulateOptions>): Promise<string[]> => {
      const said: string[] = [];
      const { platform } = serverInMemory(answer);
      // Time passes as it is looked at: a busy machine takes none of it away.
      let now = 0;
      const clock = { ...platform.clock, mono: () => asMonoMs(now += 20) };
      await simulate({ ...OPTIONS, ...options }, { ...platform, clock, writeErr: (text) => void said.push(text) });
      return said;
    };
    expect(await saidBy(() => "ack", {})).toEqual(["berth: 3 trackers to memory:1 for 20 s or 30 frames\n"]);
    expect((await saidBy(() => "silent", { seconds: 1 })).at(-1)).toBe("berth: no frame was acknowledged\n");
    let frames = 0;
    expect((await saidBy(() => ++frames < 3 ? "ack" : "silent", { seconds: 1, devices: 1 })).at(-1))
      .toBe("berth: 1 frame of 3 was not acknowledged\n");
  });

  test("ends early, with its summary, when it is interrupted", async () => {
    const server = serverInMemory();
    const running = simulate({ ...OPTIONS, frames: null, seconds: 3600, rate: 50 }, server.platform);
    while (server.received.size < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    server.interrupt();
    expect(await running).toBe(0);
    expect(summary(server).acked).toBeGreaterThan(0);
  });

  test("shares frames out, and paces records as they are sent", () => {
    expect([0, 1, 2].map((index) => quotaOf(10, 3, index))).toEqual([4, 3, 3]);
    expect(quotaOf(null, 3, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(stepMsOf({ devices: 10, rate: 5, records: 2 })).toBe(1000);
    expect(stepMsOf({ devices: 1, rate: 1000, records: 10 })).toBe(1);
    expect(stepMsOf({ devices: 1000, rate: 1, records: 1 })).toBe(30_000);
  });

  test("sends what was, not what will be", () => {
    for (const records of [1, 4, 255]) {
      for (const rate of [0, 1, 15, 1000]) {
        const options = { devices: 30, rate, records };
        const track = new FrameSource({ ...SOURCE, records, start: startBefore(START, options), stepMs: stepMsOf(options) }, 0);
        expect(Math.max(...track.next().records.map(({ time }) => time))).toBeLessThanOrEqual(START);
      }
    }
  });

  test("draws its progress and reports round trips", () => {
    const tally = new Tally();
    for (let ms = 1; ms <= 100; ms++) tally.latencies.add(ms);
    const { ackP50Ms, ackP99Ms } = summaryOf(tally, 1000);
    expect(Math.abs(ackP50Ms! / 50 - 1)).toBeLessThan(0.03);
    expect(Math.abs(ackP99Ms! / 99 - 1)).toBeLessThan(0.03);
    tally.acked = 20;
    expect(progressLine(tally, 0.5, 2000)).toBe(`[${"#".repeat(15)}${"-".repeat(15)}]  50%  20 frames acknowledged, 10/s`);
    tally.reconnects = 2;
    expect(progressLine(tally, 7, 0)).toContain("2 reconnects");
    expect(progressLine(tally, null, 2000)).toBe("20 frames acknowledged, 10/s, 2 reconnects");
  });
});

describe("a source", () => {
  test("gives the same frames for the same seed, others for another seed or index", () => {
    expect(sentBy(1, 5)).toEqual(sentBy(1, 5));
    expect(sentBy(1, 5)).not.toEqual(sentBy(1, 5, { seed: 6 }));
    expect(sentBy(0, 5)[0]![0]!.lon).not.toBe(sentBy(3, 5)[0]![0]!.lon);
    expect([0, 1, 2].map((index) => imeiOf("999999999999998", index))).toEqual(["999999999999998", "999999999999999", "000000000000000"]);
    expect([0, 1, 2, 3].map((index) => codecOf("mix", index))).toEqual(["8", "8E", "16", "8"]);
  });

  test("sends the same records newest first, backlog by backlog", () => {
    const frames = sentBy(2, 32, { newestFirst: true });
    const times = frames.slice(0, 16).flat().map((record) => record.time);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(frames[16]![0]!.time).toBeGreaterThan(times[0]!);
    const byTime = (records: AvlRecord[]): AvlRecord[] => records.toSorted((a, b) => a.time - b.time);
    expect(byTime(frames.flat())).toEqual(sentBy(2, 32).flat());
  });

  test("encodes what it says it sends", () => {
    for (let index = 0; index < 6; index++) {
      const source = new FrameSource({ ...SOURCE, records: 60 }, index);
      const { records, bytes } = source.next();
      expect(decodeStream(bytes, 32_768)).toEqual([{ codec: source.codec, imei: null, records: [...records], crc: "ok" }]);
    }
  });
});
