/** Descriptors of device streams: found by their peer, and believed only while they are that peer's. */
import { describe, expect, test } from "bun:test";
import { asConnId, asDeviceId, asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { DeviceStream } from "../../../src/engine/http/device_stream.ts";
import { StreamSockets } from "../../../src/engine/http/stream_sockets.ts";
import type { Peer } from "../../../src/platform/port.ts";
import { FakeKernel } from "../../support/fake_kernel.ts";
import { until } from "../../support/until.ts";

const FD = 7;
const A: Peer = { address: "10.0.0.1", port: 40_001 };
const B: Peer = { address: "10.0.0.2", port: 40_002 };
const [ESTABLISHED, CLOSE_WAIT] = [1, 8];

function bench() {
  const kernel = new FakeKernel();
  kernel.of(FD);
  const table = new Map<number, Peer>([[FD, A]]);
  const clock = { wall: () => asWallMs(performance.now()), mono: () => asMonoMs(performance.now()) };
  const platform = {
    clock,
    tcpKernel: kernel,
    descriptors: (
      _port: number,
      first: number,
      count: number,
      wants: (port: number) => boolean,
      found: (fd: number, peer: Peer) => void,
    ) => {
      for (const [fd, peer] of table) if (fd >= first && fd < first + count && wants(peer.port)) found(fd, peer);
      return { end: first + count, isLast: true };
    },
  };
  const sockets = new StreamSockets(platform, { streamDeadMs: 40_000, heartbeatMs: 15_000 }, () => 8080);
  const stream = new DeviceStream(asConnId(1), asDeviceId("d"), A, () => {});
  sockets.look(stream);
  expect(stream.descriptor).toBe(FD);
  return { kernel, table, sockets, stream };
}

describe("the descriptor of a stream", () => {
  test("that is another socket's by now is not asked, and its peer does not answer", async () => {
    const { kernel, table, sockets, stream } = bench();
    table.set(FD, B);
    const told: boolean[] = [];
    const before = [...kernel.calls];
    sockets.probe(stream, 1000, (answers) => told.push(answers));
    expect([told, kernel.calls, kernel.asked]).toEqual([[false], before, 0]);
  });

  test("that becomes another socket's while it is probed is left alone", async () => {
    const { kernel, table, sockets, stream } = bench();
    const told: boolean[] = [];
    sockets.probe(stream, 1000, (answers) => told.push(answers));
    table.set(FD, B);
    kernel.hear(FD);
    await until("an answer", () => told.length > 0);
    expect([told, kernel.calls]).toEqual([[false], [`restore ${FD}`, `ask ${FD}`]]);
  });

  test("is asked while it is the peer's, which answers by any segment", async () => {
    const { kernel, sockets, stream } = bench();
    const told: boolean[] = [];
    sockets.probe(stream, 1000, (answers) => told.push(answers));
    kernel.hear(FD);
    await until("an answer", () => told.length > 0);
    expect(told).toEqual([true]);
  });
});

describe("the peer of a stream that was evicted", () => {
  const evicted = (state = ESTABLISHED) => {
    const all = bench();
    all.kernel.of(FD).state = state;
    const told: boolean[] = [];
    all.sockets.hearAfter(all.stream, 200, (answered) => told.push(answered));
    all.sockets.forget(all.stream);
    return { ...all, told };
  };

  test("has answered when its stack is heard", async () => {
    const { kernel, told } = evicted();
    kernel.hear(FD);
    await until("a word", () => told.length > 0);
    expect(told).toEqual([true]);
  });

  test("is silent when it is not heard in time, or its descriptor is another's", async () => {
    const silent = evicted();
    const other = evicted();
    other.table.set(FD, B);
    other.kernel.hear(FD);
    await until("both", () => silent.told.length + other.told.length === 2);
    expect([silent.told, other.told]).toEqual([[false], [false]]);
  });

  test("that had ended it before has not lost what it still used", () => {
    const { told } = evicted(CLOSE_WAIT);
    expect(told).toEqual([false]);
  });
});
