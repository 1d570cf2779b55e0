/** Datagrams of the port, on this runtime. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Peer, UdpSocket } from "../../src/platform/port.ts";
import { here } from "../support/here.ts";
import { rejection } from "../support/rejection.ts";
import { until } from "../support/until.ts";

const open: UdpSocket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

interface Got {
  readonly bytes: number[];
  readonly from: Peer;
  /** Its `slice` is a copy, as that of a Buffer is not. */
  readonly isPlain: boolean;
}

async function socketOn(host: string, port = 0): Promise<{ socket: UdpSocket; got: Got[] }> {
  const got: Got[] = [];
  const socket = await here.openUdp(host, port, (bytes, from) => {
    got.push({ bytes: [...bytes], from: { ...from }, isPlain: bytes.slice().buffer !== bytes.buffer });
  });
  open.push(socket);
  return { socket, got };
}

describe.each([["127.0.0.1", "127.0.0.1"], ["::1", "::1"], ["localhost", null]] as const)("a datagram socket on %s", (host, address) => {
  test("has a port of its own, and tells what comes and from where", async () => {
    const [one, two] = [await socketOn(host), await socketOn(host)];
    expect(one.socket.port).toBeGreaterThan(0);
    expect(one.socket.port).not.toBe(two.socket.port);
    const target = address ?? (await here.lookup(host));
    for (let i = 0; i < 3; i++) one.socket.send(Uint8Array.of(1, 2, i), { address: target, port: two.socket.port });
    one.socket.send(new Uint8Array(1400).fill(9), { address: target, port: two.socket.port });
    await until("all of them", () => two.got.length === 4);
    // In any order.
    const shapes = two.got.map(({ bytes }) => `${bytes.length}: ${bytes.slice(0, 3).join()}`);
    expect(shapes.sort()).toEqual(["1400: 9,9,9", "3: 1,2,0", "3: 1,2,1", "3: 1,2,2"]);
    expect(two.got.map(({ isPlain }) => isPlain)).toEqual([true, true, true, true]);
    expect(two.got[0]!.from).toEqual({ address: target, port: one.socket.port });
    two.socket.send(Uint8Array.of(7), two.got[0]!.from);
    await until("the answer", () => one.got.length === 1);
  });
});

test("a datagram socket on all addresses shows a sender over IPv4 as one, and answers it", async () => {
  const [all, four] = [await socketOn("::"), await socketOn("127.0.0.1")];
  four.socket.send(Uint8Array.of(1), { address: "127.0.0.1", port: all.socket.port });
  await until("the datagram", () => all.got.length === 1);
  expect(all.got[0]!.from).toEqual({ address: "127.0.0.1", port: four.socket.port });
  all.socket.send(Uint8Array.of(2), all.got[0]!.from);
  await until("the answer", () => four.got.length === 1);
});

test("a datagram socket on a port that is taken is refused by its code", async () => {
  const { socket } = await socketOn("127.0.0.1");
  expect(await rejection(here.openUdp("127.0.0.1", socket.port, () => {}))).toContain("EADDRINUSE");
});

test("a datagram socket outlives datagrams to nobody, and is quiet after its close", async () => {
  const [one, two] = [await socketOn("127.0.0.1"), await socketOn("127.0.0.1")];
  const gone = await socketOn("127.0.0.1");
  gone.socket.close();
  gone.socket.close();
  gone.socket.send(Uint8Array.of(1), { address: "127.0.0.1", port: two.socket.port });
  for (let i = 0; i < 20; i++) {
    one.socket.send(Uint8Array.of(1), { address: "127.0.0.1", port: gone.socket.port });
    one.socket.send(Uint8Array.of(i), { address: "127.0.0.1", port: two.socket.port });
  }
  await until("all that is sent to somebody", () => two.got.length === 20);
  expect(two.got.map(({ bytes }) => bytes[0]!).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

test("a datagram socket sends nothing to port 0, which a stranger may claim to come from, and goes on", async () => {
  const [one, two] = [await socketOn("127.0.0.1"), await socketOn("127.0.0.1")];
  one.socket.send(Uint8Array.of(1), { address: "127.0.0.1", port: 0 });
  one.socket.send(Uint8Array.of(2), { address: "127.0.0.1", port: two.socket.port });
  await until("the one to somebody", () => two.got.length === 1);
  expect(two.got[0]!.bytes).toEqual([2]);
});
