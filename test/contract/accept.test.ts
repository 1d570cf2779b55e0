/** Where a codec worker's sockets come from: one suite for descriptors over a ring, listeners that share a port, and those with TLS. */
import { afterEach, describe, expect, test } from "bun:test";
import { bunPlatform } from "../../src/platform/bun.ts";
import { sumOf } from "../../src/telemetry/counters.ts";
import { slot } from "../../src/telemetry/slots.ts";
import { Gate } from "../../src/wire/board.ts";
import { AcceptWorld, isPassed, type Mode } from "../support/accept_world.ts";
import { intOption } from "../support/socket_option.ts";
import { until } from "../support/until.ts";

const platform = bunPlatform();

/** Nothing waits for so long here: what ends sooner was woken. */
const LONG_MS = 20_000;
const MODES: Mode[] = ["fd", "blocking", "reuseport", "tls"];
let world: AcceptWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

describe.each(MODES)("sockets by %s", (mode) => {
  test("each connection reaches one handler once, with its peer, and both directions work", async () => {
    world = await AcceptWorld.open(mode);
    const clients = await Promise.all(Array.from({ length: 50 }, () => world!.connect()));
    clients.forEach((client, index) => client.write(`n${index}`));
    await world.seen("every echo", () => clients.every((client, index) => client.got === `n${index}`));
    const peers = world.workers[0]!.opened.map(({ peer }) => peer.port).toSorted((a, b) => a - b);
    expect(peers).toEqual(clients.map((client) => client.localPort!).toSorted((a, b) => a - b));
    expect(world.workers[0]!.opened.every(({ peer }) => peer.address === "127.0.0.1")).toBe(true);
    expect(sumOf(world.boot.counters, slot("berth_accepted_total"))).toBe(50);
  });

  test("two workers share the connections", async () => {
    world = await AcceptWorld.open(mode, {}, 2);
    // One after the other: what is on its way while a worker takes a burst would count twice.
    for (let i = 1; i <= 64; i++) {
      await world.connect();
      await world.seen("its socket", () => world!.open === i);
    }
    const fewest = Math.min(...world.workers.map((worker) => worker.sockets.size));
    // The accept thread evens out; the kernel's hash only spreads.
    expect(fewest).toBeGreaterThanOrEqual(isPassed(mode) ? 32 : 8);
  });

  test("after stopAccepting no handler sees a socket, and those open live on", async () => {
    world = await AcceptWorld.open(mode);
    const before = await world.connect();
    await world.seen("one socket", () => world!.open === 1);
    world.workers[0]!.source.stopAccepting();
    const after = await world.connect();
    await world.seen("the late one closed", () => after.gone);
    before.write("still here");
    await world.seen("the echo", () => before.got === "still here");
    expect(world.workers[0]!.opened).toHaveLength(1);
  });

  test("sockets have keepalive, user timeout and no delay", async () => {
    world = await AcceptWorld.open(mode, { keepAliveIdleS: 77, keepAliveIntervalS: 13, keepAliveProbes: 3, userTimeoutMs: 4321 });
    await world.connect();
    await world.seen("one socket", () => world!.open === 1);
    const { fd } = world.workers[0]!.opened[0]!;
    const [SOL_SOCKET, TCP] = [1, 6];
    expect([
      intOption(fd, SOL_SOCKET, 9),
      intOption(fd, TCP, 1),
      intOption(fd, TCP, 4),
      intOption(fd, TCP, 5),
      intOption(fd, TCP, 6),
      intOption(fd, TCP, 18),
    ])
      .toEqual([1, 1, 77, 13, 3, 4321]);
  });
});

describe.each(MODES)("bounds of sockets by %s", (mode) => {
  test("a failing store closes sockets before a handler sees them", async () => {
    world = await AcceptWorld.open(mode);
    world.board.setGate(Gate.failing);
    const client = await world.connect();
    await world.seen("the socket closed", () => client.gone);
    expect(world.workers[0]!.opened).toHaveLength(0);
    expect(world.counted("store_failing")).toBe(1);
    world.board.setGate(Gate.open);
    await world.connect();
    await world.seen("a socket after the gate opened", () => world!.open === 1);
  });

  test("sockets before login are bounded per address, and leave makes room", async () => {
    world = await AcceptWorld.open(mode, { socketsBeforeLoginPerAddress: 3 });
    for (let i = 0; i < 3; i++) await world.connect();
    await world.seen("three sockets", () => world!.open === 3);
    const fourth = await world.connect();
    await world.seen("the fourth closed", () => fourth.gone);
    expect(world.counted("address_sockets")).toBe(1);
    expect(world.addresses.waiting("127.0.0.1")).toBe(3);
    world.addresses.leave("127.0.0.1");
    await world.connect();
    await world.seen("one more", () => world!.open === 4);
  });

  test("an address whose logins fail too often is closed at once", async () => {
    world = await AcceptWorld.open(mode, { failedLoginsPerSecondPerAddress: 5 });
    const before = world.counted("address_logins");
    // The bound is per second of the wall clock: fail again until a socket meets it inside one.
    await until("a refusal", async () => {
      for (let i = 0; i < 5; i++) world!.addresses.loginFailed("127.0.0.1", platform.clock.wall());
      const client = await world!.connect();
      await world!.seen("in or out", () => client.gone || world!.workers[0]!.opened.some(({ peer }) => peer.port === client.localPort));
      return world!.counted("address_logins") > before;
    });
    expect(world.addresses.failedLogins("127.0.0.2", platform.clock.wall())).toBe(0);
  });

  test("a socket its worker turns away leaves its address as it was", async () => {
    world = await AcceptWorld.open(mode);
    world.workers[0]!.refuses = true;
    for (let i = 0; i < 3; i++) {
      const client = await world.connect();
      await world.seen("the socket closed", () => client.gone);
    }
    expect(world.addresses.waiting("127.0.0.1")).toBe(0);
    expect(world.addresses.failedLogins("127.0.0.1", platform.clock.wall())).toBe(0);
  });

  test("all sockets together are bounded, and one that ends makes room", async () => {
    world = await AcceptWorld.open(mode, { connections: 3, loginSockets: 1 });
    const clients = [];
    for (let i = 0; i < 4; i++) clients.push(await world.connect());
    await world.seen("four sockets", () => world!.open === 4);
    const fifth = await world.connect();
    if (!isPassed(mode)) await world.seen("the fifth closed", () => fifth.gone);
    expect(world.open).toBe(4);
    clients[0]!.destroy();
    const sixth = isPassed(mode) ? fifth : await until("room", async () => {
      const next = await world!.connect();
      next.write("x");
      await world!.seen("in or out", () => next.gone || next.got === "x");
      return next.gone ? null : next;
    });
    sixth.write("y");
    await world.seen("an echo for the one let in", () => sixth.got.endsWith("y"));
  });
});

describe("descriptors over a ring", () => {
  test("a full ring makes accepting wait, and no connection is lost", async () => {
    const world = await AcceptWorld.open("fd", { acceptRingBytes: 4096 });
    try {
      world.workers[0]!.awake = false;
      const clients = await Promise.all(Array.from({ length: 300 }, () => world.connect()));
      await until("a full ring", () => sumOf(world.boot.counters, slot("berth_ring_full_total", "adopt")) > 0);
      expect(world.open).toBe(0);
      world.workers[0]!.awake = true;
      world.workers[0]!.drain();
      await world.seen("every connection", () => world.open === 300);
      clients.forEach((client, index) => client.write(`n${index}`));
      await world.seen("every echo", () => clients.every((client, index) => client.got === `n${index}`));
    } finally {
      await world.close();
    }
  });

  test("a poke ends one wait of an acceptor, before it stops and after, and is no connection", () => {
    const options = { keepAliveIdleS: 1, keepAliveIntervalS: 1, keepAliveProbes: 1, userTimeoutMs: 1000, backlog: 1 };
    const acceptor = platform.acceptor!("127.0.0.1", 0, options);
    try {
      for (let i = 0; i < 2; i++) {
        platform.poke(acceptor.doorbell);
        platform.poke(acceptor.doorbell);
        expect([acceptor.poll(LONG_MS), acceptor.poll(0)]).toEqual([false, false]);
        platform.poke(acceptor.doorbell);
        expect([acceptor.pause(LONG_MS), acceptor.pause(0)]).toEqual([true, false]);
      }
      acceptor.stop();
      platform.poke(acceptor.doorbell);
      expect([acceptor.pause(LONG_MS), acceptor.pause(0), acceptor.poll(LONG_MS)]).toEqual([true, false, false]);
    } finally {
      acceptor.stop();
      platform.dropDoorbell(acceptor.doorbell);
    }
  });

  test("a second acceptor on the port is refused by name", async () => {
    const world = await AcceptWorld.open("fd");
    try {
      const options = { keepAliveIdleS: 1, keepAliveIntervalS: 1, keepAliveProbes: 1, userTimeoutMs: 1000, backlog: 1 };
      expect(() => platform.acceptor!("127.0.0.1", world.port, options)).toThrow(
        `Cannot listen on 127.0.0.1:${world.port}: address already in use`,
      );
      expect(() => platform.acceptor!("not-an-address", 0, options)).toThrow("Cannot listen on not-an-address: it is not an IP address");
    } finally {
      await world.close();
    }
  });
});
