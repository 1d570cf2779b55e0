/** The peer thread's worker. Our identity is "m"; of the peers "a" is smaller, "z" bigger. */
import { describe, expect, test } from "bun:test";
import type { MessageOf } from "../../../src/wire/control.ts";
import { type FakeSocket, greetingOf, PeerWorld } from "../../support/peer_world.ts";

const claimIn = (world: PeerWorld): MessageOf<"claim"> => {
  const claim = world.told().find((message) => message.type === "claim");
  if (claim === undefined) throw new Error("Cannot find a claim");
  return claim;
};

/** An incoming connection of `identity` that the registry admits. */
function admitted(world: PeerWorld, identity: string, fence = 1024): { socket: FakeSocket; conn: number } {
  const socket = world.accept();
  socket.says(greetingOf(identity));
  const { conn } = claimIn(world);
  world.decide(conn, "none", fence);
  return { socket, conn };
}

/** The dial of `peer`, its socket open and our greeting said. */
async function greeting(world: PeerWorld, peer: string): Promise<FakeSocket> {
  world.startDials();
  await world.lookups.find(({ what }) => what === `${peer}.test`)!.keep(`ip-${peer}`);
  return world.opens(world.connects.find(({ what }) => what === `ip-${peer}:1`)!);
}

describe("a dial", () => {
  test("greets first, claims on the greeting, and says that we dialled", async () => {
    const world = new PeerWorld();
    const socket = await greeting(world, "z");
    expect(socket.lines).toEqual([{ identity: "m", policy: "initiator", version: 1 }]);
    expect(world.told()).toEqual([]);
    socket.says(greetingOf("Z"));
    expect(claimIn(world)).toMatchObject({ device: "z", deviceClass: "peer", dialled: true, address: "127.0.0.1", port: 4321 });
  });

  test("that meets somebody else is refused and tried again", async () => {
    const world = new PeerWorld();
    const socket = await greeting(world, "z");
    socket.says(greetingOf("a"));
    expect(socket.lines.at(-1)).toEqual({ refused: "identity", reason: "Cannot greet peer: dialled z, met a" });
    expect(socket.end_).toBe(true);
    world.pass(200);
    expect(world.lookups.filter(({ what }) => what === "z.test")).toHaveLength(2);
  });

  test("of a name nobody knows, or that nobody answers, is tried again", async () => {
    const world = new PeerWorld();
    world.startDials();
    await world.lookups[0]!.break();
    await world.lookups[1]!.keep("ip");
    await world.connects[0]!.break();
    world.pass(200);
    expect(world.lookups).toHaveLength(4);
    expect(world.warnings.length).toBeGreaterThan(0);
  });

  test("aborted while it looks up never connects", async () => {
    const world = new PeerWorld();
    world.startDials();
    admitted(world, "a");
    await world.lookups.find(({ what }) => what === "a.test")!.keep("ip-a");
    expect(world.connects).toEqual([]);
  });

  test("aborted while it connects is closed when it finishes late, and says nothing", async () => {
    const world = new PeerWorld();
    world.startDials();
    await world.lookups.find(({ what }) => what === "a.test")!.keep("ip-a");
    admitted(world, "a");
    const late = await world.opens(world.connects[0]!);
    expect([late.wasReset, late.lines]).toEqual([true, []]);
    late.closes();
    expect(world.worker.sockets).toBe(1);
  });

  test("aborted while it greets is closed", async () => {
    const world = new PeerWorld();
    const dialled = await greeting(world, "z");
    const incoming = world.accept();
    incoming.says(greetingOf("z"));
    expect([dialled.end_, incoming.end_]).toEqual([true, false]);
    dialled.says(greetingOf("z"));
    expect(world.told().filter(({ type }) => type === "claim")).toHaveLength(1);
  });

  test("that the bigger side keeps goes on beside an incoming connection", async () => {
    const world = new PeerWorld();
    const dialled = await greeting(world, "a");
    const { socket } = admitted(world, "a");
    expect([dialled.end_, socket.end_]).toEqual([false, false]);
    dialled.says(greetingOf("a"));
    expect(claimIn(world)).toMatchObject({ device: "a", dialled: true });
  });

  test("refused by the registry is told why, owes no close, and is tried again", async () => {
    const world = new PeerWorld();
    const socket = await greeting(world, "z");
    socket.says(greetingOf("z"));
    world.decide(claimIn(world).conn, "held");
    expect(socket.lines.at(-1)).toEqual({ refused: "held", reason: "Cannot admit peer: held" });
    expect(world.told()).toEqual([]);
    world.pass(200);
    expect(world.lookups.filter(({ what }) => what === "z.test")).toHaveLength(2);
  });

  test("under way at a drain is closed, and none follows", async () => {
    const world = new PeerWorld();
    const socket = await greeting(world, "z");
    world.worker.pause();
    expect(socket.end_).toBe(true);
    world.pass(60_000);
    expect(world.lookups).toHaveLength(2);
  });
});

describe("a connection", () => {
  test("hears a goodbye with the reason when it is evicted, and the registry what it answered", () => {
    const world = new PeerWorld();
    const { socket, conn } = admitted(world, "a", 2048);
    world.evict(conn, "superseded");
    expect(socket.lines.at(-1)).toEqual({ bye: "superseded" });
    expect(world.told()).toMatchObject([{ type: "close", conn, device: "a", fence: 2048 }]);
    socket.says({ ping: 1 });
    socket.closes();
    expect(world.told()).toEqual([{ type: "afterlife", device: "a", fence: 2048, answered: true, bytesAfter: true }]);
    expect(world.worker.sockets).toBe(0);
  });

  test("that does not take its FIN is reset, and counts as one that did not answer", () => {
    const world = new PeerWorld();
    const { socket, conn } = admitted(world, "a");
    world.evict(conn, "superseded");
    world.told();
    world.pass(999);
    expect(socket.wasReset).toBe(false);
    world.pass(1);
    expect(socket.wasReset).toBe(true);
    socket.closes("reset");
    expect(world.told()).toMatchObject([{ type: "afterlife", answered: false, bytesAfter: false }]);
  });

  test("that is probed answers by its next bytes, once", () => {
    const world = new PeerWorld();
    const { socket, conn } = admitted(world, "a");
    world.say({ type: "probe", conn, fence: 1024, deadlineMs: 2000 });
    expect(socket.lines.at(-1)).toEqual({ ping: 1 });
    socket.says({ pong: 1 });
    socket.says({ ping: 5 });
    expect(world.told()).toEqual([{ type: "probed", device: "a", fence: 1024, answers: true }]);
  });

  test("that is probed and stays silent is told so at the deadline, not before", () => {
    const world = new PeerWorld();
    const { conn } = admitted(world, "a");
    world.say({ type: "probe", conn, fence: 1024, deadlineMs: 2000 });
    world.pass(1999);
    expect(world.told()).toEqual([]);
    world.pass(1);
    expect(world.told()).toEqual([{ type: "probed", device: "a", fence: 1024, answers: false }]);
  });

  test("that was ended by its probe's time is not asked about", () => {
    const world = new PeerWorld();
    const { socket, conn } = admitted(world, "a");
    socket.closes();
    expect(world.told()).toMatchObject([{ type: "close" }]);
    world.say({ type: "probe", conn, fence: 1024, deadlineMs: 2000 });
    world.pass(3000);
    expect(world.told()).toEqual([]);
  });

  test("is pinged, and given up when nothing was heard for long", () => {
    const world = new PeerWorld("initiator", { pingMs: 1000, peerDeadMs: 2500 });
    const { socket } = admitted(world, "a");
    for (let i = 0; i < 24; i++) world.pass(100);
    expect(socket.lines.filter((line) => "ping" in line)).toHaveLength(2);
    expect(socket.end_).toBe(false);
    world.pass(100);
    expect(socket.lines.at(-1)).toEqual({ bye: "lost" });
    expect(world.told()).toMatchObject([{ type: "close" }]);
  });

  test("that takes nothing is slow, not a growing queue", () => {
    const world = new PeerWorld();
    const { socket } = admitted(world, "a");
    socket.stuck = true;
    for (let i = 0; i < 5000 && !socket.end_; i++) socket.says({ ping: i });
    expect(socket.end_).toBe(true);
    expect(world.told()).toMatchObject([{ type: "close" }]);
  });

  test("that comes while the store fails is told so and owes nothing", () => {
    const world = new PeerWorld();
    world.board.setGate(2);
    const socket = world.accept();
    socket.says(greetingOf("a"));
    expect(socket.lines.at(-1)).toMatchObject({ refused: "store_failing" });
    expect(world.told()).toEqual([]);
  });

  test("beyond the bound is reset as it comes, its end frees nothing, and our dials have room all the same", async () => {
    const world = new PeerWorld("initiator", { peerSockets: 4 });
    const first = world.accept();
    world.accept();
    const third = world.accept();
    expect(third.wasReset).toBe(true);
    third.closes();
    expect(world.worker.sockets).toBe(2);
    first.closes();
    expect(world.accept().wasReset).toBe(false);
    expect(world.accept().wasReset).toBe(true);
    expect((await greeting(world, "z")).wasReset).toBe(false);
  });
});

test("a shutdown tells the registry first, the peers then, and resets who does not listen", () => {
  const world = new PeerWorld();
  const { socket, conn } = admitted(world, "a");
  const stranger = world.accept();
  world.worker.pause();
  expect([stranger.end_, socket.end_]).toEqual([true, false]);
  world.worker.farewell();
  expect(world.told()).toMatchObject([{ type: "close", conn }]);
  expect(socket.end_).toBe(false);
  world.worker.endAll();
  expect(socket.lines.at(-1)).toEqual({ bye: "shutdown" });
  expect(world.told()).toEqual([]);
  world.worker.resetAll();
  expect([socket.wasReset, stranger.wasReset]).toEqual([true, true]);
});
