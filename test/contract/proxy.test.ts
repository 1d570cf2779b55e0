/** Sockets from balancers: one suite for both ways they come, whole headers, pieces of them, and none. */
import { afterEach, describe, expect, test } from "bun:test";
import { type Network, parseNetwork } from "../../src/base/ip_address.ts";
import type { Limits } from "../../src/base/limits.ts";
import type { Settings } from "../../src/config/settings.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { slot } from "../../src/telemetry/slots.ts";
import { AcceptWorld, type Mode } from "../support/accept_world.ts";
import { v1Header, v2Header } from "../support/proxy_header.ts";
import { until } from "../support/until.ts";

const MODES: Mode[] = ["fd", "blocking", "reuseport"];
type Versions = NonNullable<Settings["tcp"]["proxy"]>["versions"];
let world: AcceptWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const networks = (...texts: string[]): Network[] => texts.map((text) => parseNetwork(text)!);
async function open(mode: Mode, limits: Partial<Limits> = {}, from = "127.0.0.0/8", versions: Versions = "required"): Promise<AcceptWorld> {
  return world = await AcceptWorld.open(mode, { logIntervalMs: 0, ...limits }, 1, { versions, from: networks(from) });
}
const ends = (bytes: Uint8Array, rest: string): Uint8Array => Uint8Array.from([...bytes, ...new TextEncoder().encode(rest)]);
/** Longer than it takes to connect a few sockets, however busy the machine is: who is late is so by the worker's clock. */
const HEADER_MS = 60_000;

describe.each(MODES)("sockets of balancers by %s", (mode) => {
  test("have the client's address, and what follows the header is the client's", async () => {
    const at = await open(mode);
    const { workers, addresses } = at;
    const one = await at.connect();
    one.write(ends(v1Header("203.0.113.7", 40_001), "one"));
    const two = await at.connect();
    two.write(v2Header([203, 0, 113, 8], 40_002));
    two.write("two");
    const local = await at.connect();
    local.write(ends(v2Header([], 0, undefined, 0), "local"));
    await at.seen("the echoes", () => one.got === "one" && two.got === "two" && local.got === "local");
    const peers = workers[0]!.opened.map(({ peer }) => peer);
    expect(peers).toContainEqual({ address: "203.0.113.7", port: 40_001 });
    expect(peers).toContainEqual({ address: "203.0.113.8", port: 40_002 });
    expect(peers).toContainEqual({ address: "127.0.0.1", port: local.localPort! });
    expect([addresses.waiting("203.0.113.7"), addresses.waiting("203.0.113.8"), addresses.waiting("127.0.0.1")]).toEqual([1, 1, 1]);
  });

  test("are waited for byte by byte, and are no connection before", async () => {
    const at = await open(mode);
    const client = await at.connect();
    client.setNoDelay(true);
    const header = v2Header([10, 9, 8, 7], 6);
    for (const [i, byte] of header.entries()) {
      client.write(Uint8Array.of(byte));
      if (i === 0) await until("one in the lobby", () => at.board.sockets(0) === 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await at.seen("the connection", () => at.open === 1);
    expect(at.workers[0]!.opened[0]!.peer).toEqual({ address: "10.9.8.7", port: 6 });
    client.write("after");
    await at.seen("the echo", () => client.got === "after");
    expect(at.board.sockets(0)).toBe(1);
  });

  test("without a header, or with a wrong one, are closed before a handler sees them, and counted", async () => {
    const at = await open(mode);
    const wrong = [
      Uint8Array.of(0, 15, 0x33, 0x35),
      ends(new Uint8Array(0), "PROXY TCP4 nobody 1.2.3.4 1 2\r\n"),
      v2Header([1, 2, 3, 4], 5).with(12, 0x11),
    ];
    for (const bytes of wrong) {
      const client = await at.connect();
      client.write(bytes);
      await at.seen("closed", () => client.gone);
    }
    expect(at.workers[0]!.opened).toHaveLength(0);
    expect(at.counted("proxy_header")).toBe(3);
    expect(at.workers[0]!.warnings).toHaveLength(3);
    expect(at.workers[0]!.warnings[0]).toContain("Cannot take connection of 127.0.0.1: no_header");
    expect(at.board.sockets(0)).toBe(0);
  });

  test("of another version than the one asked for are closed", async () => {
    const at = await open(mode, {}, "127.0.0.1", "v2");
    const old = await at.connect();
    old.write(v1Header("203.0.113.7", 1));
    await at.seen("closed", () => old.gone);
    const good = await at.connect();
    good.write(ends(v2Header([203, 0, 113, 7], 1), "x"));
    await at.seen("the echo", () => good.got === "x");
  });

  test("from elsewhere are closed at once, and counted", async () => {
    const at = await open(mode, {}, "127.0.0.2/32");
    const stranger = await at.connect();
    stranger.write(v1Header("203.0.113.7", 1));
    await at.seen("closed", () => stranger.gone);
    const friend = await at.connect("127.0.0.2");
    friend.write(ends(v1Header("203.0.113.7", 1), "x"));
    await at.seen("the echo", () => friend.got === "x");
    expect(at.workers[0]!.opened).toHaveLength(1);
    expect(at.counted("proxy_untrusted")).toBe(1);
  });

  test("that do not end their header have a deadline, and a bound", async () => {
    const at = await open(mode, { proxyHeaderMs: HEADER_MS, lobbySockets: 2 });
    const slow = [await at.connect(), await at.connect()];
    for (const client of slow) client.write("PROXY TCP4 ");
    await until("two in the lobby", () => at.board.sockets(0) === 2);
    const third = await at.connect();
    await at.seen("the third closed", () => third.gone);
    expect(at.counted("lobby")).toBe(1);
    at.workers[0]!.drain();
    expect(at.counted("proxy_unfinished")).toBe(0);
    at.workers[0]!.aheadMs = HEADER_MS;
    // Deadlines are looked at with the ring: the worker's tick, as it were.
    at.workers[0]!.drain();
    await at.seen("the slow ones closed", () => slow.every(({ gone }) => gone));
    expect(at.counted("proxy_unfinished")).toBe(2);
    const good = await at.connect();
    good.write(ends(v1Header("203.0.113.7", 1), "x"));
    await at.seen("the echo", () => good.got === "x");
    // A balancer's look whether the port is open.
    const look = await at.connect();
    await until("it in the lobby", () => at.board.sockets(0) === 2);
    look.destroy();
    await until("its end counted", () => at.counted("proxy_unfinished") === 3);
    expect(at.workers[0]!.opened).toHaveLength(1);
  });

  test("count against the bounds of the client, not of the balancer", async () => {
    const at = await open(mode, { socketsBeforeLoginPerAddress: 2 });
    const from = async (address: string) => {
      const client = await at.connect();
      client.write(ends(v1Header(address, 1), "x"));
      await at.seen("in or out", () => client.gone || client.got === "x");
      return client.got === "x";
    };
    expect([await from("10.0.0.1"), await from("10.0.0.1"), await from("10.0.0.1"), await from("10.0.0.2")]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(at.counted("address_sockets")).toBe(1);
    expect(sumOf(at.boot.counters, slot("berth_accepted_total"))).toBe(4);
  });

  test("are reset in the lobby when no more are taken, and those open live on", async () => {
    const at = await open(mode);
    const before = await at.connect();
    before.write(ends(v1Header("10.0.0.1", 1), "x"));
    const late = await at.connect();
    late.write("PROXY ");
    await until("one in, one in the lobby", () => before.got === "x" && at.board.sockets(0) === 2);
    at.workers[0]!.source.stopAccepting();
    await at.seen("the late one closed", () => late.gone);
    before.write("y");
    await at.seen("the echo", () => before.got === "xy");
    expect(at.workers[0]!.opened).toHaveLength(1);
  });
});
