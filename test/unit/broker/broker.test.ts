/** The broker, case by case; every interleaving is in test/prop/broker.test.ts. */
import { describe, expect, test } from "bun:test";
import { EVERYTHING, filterOf } from "../../../src/broker/filter.ts";
import { BrokerWorld, EPOCH, SMALL } from "../../support/broker_world.ts";

const some = (count: number, device = "a") => Array.from({ length: count }, () => ({ device, kind: "record" }));

describe("a subscriber", () => {
  test("that is up to date reads no page and hears of each event once", () => {
    const world = new BrokerWorld();
    const client = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    for (let i = 0; i < 10; i++) {
      world.commit(some(2));
      world.publish();
      while (world.take(client));
    }
    expect(client.seqs).toEqual(world.events.map((event) => event.seq));
    expect(world.counts.page).toBe(0);
  });

  test("who names a device * takes nothing from those who want all devices", () => {
    const world = new BrokerWorld();
    const star = world.subscribe(`${EPOCH}.0`, filterOf(["*"], ["record"]))!;
    const all = world.subscribe(`${EPOCH}.0`, filterOf(null, ["record"]))!;
    world.commit(some(2));
    world.quiesce();
    expect([star.seqs.length, all.seqs.length]).toEqual([0, 2]);
  });

  test("inside the window reads no page; before it, pages until the window", () => {
    const world = new BrokerWorld();
    world.commit(some(6));
    world.commit(some(6));
    world.publish();
    const near = world.subscribe(`${EPOCH}.6`, EVERYTHING)!;
    expect(world.counts.page).toBe(0);
    const far = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    world.quiesce();
    expect([near.seqs.length, far.seqs.length]).toEqual([6, 12]);
    expect(world.counts.page).toBe(2);
  });

  test("ahead of this thread waits for it, and misses nothing after", () => {
    const world = new BrokerWorld();
    world.commit(some(3));
    const client = world.subscribe(`${EPOCH}.3`, EVERYTHING)!;
    world.publish();
    world.commit(some(1));
    world.quiesce();
    expect(client.seqs).toEqual([4]);
    expect(client.of("resync")).toEqual([]);
  });

  test("of one device asks for that device's pages", () => {
    const world = new BrokerWorld();
    for (let i = 0; i < 10; i++) world.commit(some(2, i % 2 === 0 ? "a" : "b"));
    world.publish();
    world.subscribe(`${EPOCH}.0`, filterOf(["b"], null));
    expect(world.pages.map((page) => page.device)).toEqual(["b"]);
    world.subscribe(`${EPOCH}.0`, filterOf(["a", "b"], null));
    expect(world.pages.map((page) => page.device)).toEqual(["b", null]);
  });

  test("beyond the number allowed is refused, until one leaves", () => {
    const world = new BrokerWorld({ subscribers: 1 });
    const client = world.subscribe(null, EVERYTHING)!;
    expect(world.subscribe(null, EVERYTHING)).toBeNull();
    world.broker.unsubscribe(client.subscriber);
    expect(world.subscribe(null, EVERYTHING)).not.toBeNull();
  });
});

describe("a subscriber that takes nothing", () => {
  test("holds its bound whatever is published, beats included, and goes on when it takes", () => {
    const world = new BrokerWorld();
    const client = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    for (let i = 0; i < 200; i++) {
      world.commit(some(3));
      world.publish();
      world.now += SMALL.heartbeatMs;
      world.broker.beat(world.time);
    }
    expect(client.subscriber.queuedEvents).toBeLessThanOrEqual(SMALL.subscriberEvents);
    expect(client.subscriber.queuedBytes).toBeLessThan(SMALL.subscriberBytes);
    expect(world.counts.page).toBe(0);
    world.quiesce();
    expect(client.seqs).toEqual(world.events.map((event) => event.seq));
    expect(world.counts.page).toBeGreaterThan(0);
  });

  test("is dropped as slow after the lag allowed, and one that takes is not", () => {
    const world = new BrokerWorld({ subscriberLagMs: 1000 });
    const stalled = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    const taking = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    for (world.now = 0; world.now <= 1000; world.now += 100) {
      world.commit(some(1));
      world.publish();
      while (world.take(taking));
      world.broker.beat(world.time);
    }
    expect(world.counts.dropped).toEqual([]);
    world.now = 1001;
    world.broker.beat(world.time);
    expect(world.counts.dropped).toEqual(["slow"]);
    while (world.take(stalled));
    expect(stalled.words.at(-1)).toEqual({ word: "bye", cause: "slow" });
    expect([stalled.ended, taking.ended]).toEqual([true, false]);
  });
});

describe("pages", () => {
  test("are at most so many at a time, first come first served", () => {
    const world = new BrokerWorld();
    for (let i = 0; i < 30; i++) world.commit(some(1));
    world.publish();
    const clients = Array.from({ length: 6 }, () => world.subscribe(`${EPOCH}.0`, EVERYTHING)!);
    expect(world.pages.map((page) => page.subscriber)).toEqual([clients[0]!.subscriber, clients[1]!.subscriber]);
    world.answer();
    expect(world.pages.map((page) => page.subscriber)).toEqual([clients[1]!.subscriber, clients[2]!.subscriber]);
  });

  test("that could not be read are asked for again at the next tick, not at once", () => {
    const world = new BrokerWorld();
    for (let i = 0; i < 30; i++) world.commit(some(1));
    world.publish();
    const client = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    world.answer(0, 1, true);
    expect(world.pages).toEqual([]);
    world.settle();
    expect(world.pages.length).toBe(1);
    world.quiesce();
    expect(client.seqs.length).toBe(30);
  });

  test("of one who left are no longer counted", () => {
    const world = new BrokerWorld();
    for (let i = 0; i < 30; i++) world.commit(some(1));
    world.publish();
    for (let i = 0; i < 5; i++) {
      const client = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
      world.broker.unsubscribe(client.subscriber);
      world.clients.pop();
      world.answer();
    }
    const client = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    world.quiesce();
    expect(client.seqs.length).toBe(30);
  });
});

describe("a subscriber in mode latest", () => {
  const latest = (world: BrokerWorld, cursor: string) => world.subscribe(cursor, EVERYTHING, undefined, true)!;

  test("that keeps up gets every event, also those that were at hand when it came", () => {
    const world = new BrokerWorld();
    world.commit(some(8));
    world.publish();
    const client = latest(world, `${EPOCH}.0`);
    while (world.take(client));
    for (let i = 0; i < 5; i++) {
      world.commit(some(3));
      world.publish();
      while (world.take(client));
    }
    expect(client.seqs).toEqual(world.events.map(({ seq }) => seq));
    expect(world.counts.gap).toBe(0);
  });

  test("that is but a little behind gets every event, also of those read from the store", () => {
    const world = new BrokerWorld();
    world.commit(some(6));
    world.publish();
    // As after a restart: nothing is in memory.
    world.lose();
    const near = latest(world, `${EPOCH}.0`);
    world.quiesce();
    expect(near.seqs).toEqual([1, 2, 3, 4, 5, 6]);
    world.commit(some(SMALL.windowEvents));
    world.publish();
    world.lose();
    const far = latest(world, `${EPOCH}.0`);
    world.quiesce();
    expect(far.seqs).toEqual([5, 10, 14]);
  });

  test("gets every event of those that were committed when it came and not published yet", () => {
    const world = new BrokerWorld();
    world.commit(some(3));
    world.publish();
    // Its place is not in memory, so a page is read, and the page has them.
    world.lose();
    world.commit(some(4));
    const client = latest(world, `${EPOCH}.0`);
    world.quiesce();
    world.publish();
    world.quiesce();
    expect([client.seqs, world.counts.gap]).toEqual([[1, 2, 3, 4, 5, 6, 7], 0]);
  });

  test("that takes what comes gets all of a burst beyond its bound", () => {
    const world = new BrokerWorld();
    const client = latest(world, `${EPOCH}.0`);
    for (let i = 0; i < 5; i++) {
      world.commit(some(SMALL.subscriberEvents + 3));
      world.publish();
      while (world.take(client));
    }
    expect([client.seqs.length, world.counts.gap, world.counts.page]).toEqual([world.committed, 0, 0]);
  });

  test("that takes nothing finds the newest of each device and all else, and gaps before them; its cursor goes on behind", () => {
    const world = new BrokerWorld();
    const client = latest(world, `${EPOCH}.0`);
    while (world.take(client));
    for (let i = 0; i < 30; i++) world.commit([{ device: "a", kind: "record" }, { device: "b", kind: i === 9 ? "connected" : "record" }]);
    world.commit(some(1, "c"));
    world.publish();
    expect(client.subscriber.queuedEvents).toBeLessThanOrEqual(SMALL.subscriberEvents);
    world.quiesce();
    const { seqs } = client;
    // Seq 20 is the connected event, each fifth is said to be a position's: it stays too.
    expect(seqs.slice(seqs.indexOf(20))).toEqual([20, 25, 30, 35, 40, 45, 50, 55, 59, 60, 61]);
    expect(client.of("gap").at(-1)).toEqual({ word: "gap", id: 58, from: 56, to: 58, cause: "coalesced" });
    expect(world.counts.coalesced).toBe(61 - seqs.length);
    expect(client.subscriber.state).toBe("live");
    world.resume(client);
    world.quiesce();
    expect(client.seqs).toEqual(seqs);
  });

  test("is never dropped for being behind, only when it takes nothing at all", () => {
    const world = new BrokerWorld({ subscriberLagMs: 1000 });
    const client = latest(world, `${EPOCH}.0`);
    const other = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
    for (let i = 0; i < 20; i++) {
      world.now += 300;
      world.commit(Array.from({ length: 12 }, (_, device) => ({ device: `d${device}`, kind: "record" })));
      world.publish();
      for (const each of [client, other]) world.take(each);
      world.broker.beat(world.time);
    }
    expect([client.subscriber.state, other.subscriber.state]).toEqual(["catching", "ended"]);
    world.now += 1100;
    world.broker.beat(world.time);
    expect(client.subscriber.state).toBe("ended");
  });
});
