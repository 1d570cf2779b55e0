/** What one subscriber may have queued, to the byte; and the seams between what is forgotten, what is read and what is in memory. */
import { describe, expect, test } from "bun:test";
import { EVERYTHING } from "../../../src/broker/filter.ts";
import { Account } from "../../../src/broker/subscriber.ts";
import { BrokerWorld, EPOCH, type TestClient } from "../../support/broker_world.ts";

const some = (count: number) => Array.from({ length: count }, () => ({ device: "a", kind: "record" }));
/** Of one event with a seq of one digit, as the world writes it. */
const EVENT_BYTES = new TextEncoder().encode(`${JSON.stringify({ word: "event", ...some(1)[0], seq: 1 })}\n`).length;
/** Kept free for a gap and a bye. */
const MARKERS = 512;

function begun(subscriberBytes: number): { readonly world: BrokerWorld; readonly client: TestClient } {
  const world = new BrokerWorld({ subscriberBytes, subscriberEvents: 1000 });
  const client = world.subscribe(`${EPOCH}.0`, EVERYTHING)!;
  while (world.take(client));
  return { world, client };
}

describe("the bound in bytes", () => {
  test.each([[0, 3], [-1, 2], [1, 3]])("of three events and %i bytes holds %i of four, live or behind", (more, fits) => {
    const bytes = MARKERS + 3 * EVENT_BYTES + more;
    const live = begun(bytes);
    for (let i = 0; i < 4; i++) {
      live.world.commit(some(1));
      live.world.publish();
    }
    expect(live.client.subscriber.queuedEvents).toBe(fits);
    const behind = begun(bytes);
    behind.world.broker.unsubscribe(behind.client.subscriber);
    behind.world.commit(some(4));
    behind.world.publish();
    behind.world.resume(behind.client);
    behind.world.take(behind.client);
    expect(behind.client.subscriber.queuedEvents).toBe(fits);
    for (const { world, client } of [live, behind]) {
      world.quiesce();
      expect(client.seqs).toEqual([1, 2, 3, 4]);
    }
  });

  test("counts what its connection has in hand, and goes on when that is taken", () => {
    const { world, client } = begun(MARKERS + 3 * EVENT_BYTES);
    client.subscriber.account.inHand = 2 * EVENT_BYTES;
    for (let i = 0; i < 4; i++) {
      world.commit(some(1));
      world.publish();
    }
    expect([client.subscriber.queuedEvents, client.subscriber.state]).toEqual([1, "catching"]);
    client.subscriber.account.inHand = 0;
    world.quiesce();
    expect(client.seqs).toEqual([1, 2, 3, 4]);
  });

  test("is passed by one event that is larger, when nothing else is held", () => {
    const { world, client } = begun(MARKERS + EVENT_BYTES / 2);
    world.commit(some(1));
    world.commit(some(1));
    world.publish();
    expect(client.subscriber.queuedEvents).toBe(1);
    world.quiesce();
    expect(client.seqs).toEqual([1, 2]);
  });

  test("is one for all subscriptions of a client: what one has queued, another cannot", () => {
    const world = new BrokerWorld({ subscriberBytes: MARKERS + 3 * EVENT_BYTES, subscriberEvents: 1000 });
    const account = new Account();
    const pair = [1, 2].map(() => world.subscribe(`${EPOCH}.0`, EVERYTHING, account)!);
    for (const client of pair) while (world.take(client));
    world.commit(some(4));
    world.publish();
    expect([account.events, pair.map(({ subscriber }) => subscriber.queuedEvents)]).toEqual([3, [3, 0]]);
    world.quiesce();
    for (const client of pair) expect(client.seqs).toEqual([1, 2, 3, 4]);
  });
});

describe("a cursor from the past", () => {
  /** 30 events; the last 8 are in memory: 23 to 30. */
  function kept(oldest: number): BrokerWorld {
    const world = new BrokerWorld();
    for (let i = 0; i < 30; i++) world.commit(some(1));
    world.publish();
    world.oldest = oldest;
    world.settle();
    return world;
  }
  const from = (world: BrokerWorld, seq: number): TestClient => {
    const client = world.subscribe(`${EPOCH}.${seq}`, EVERYTHING)!;
    world.quiesce();
    return client;
  };
  const gapsOf = (client: TestClient) => client.of("gap").map(({ id, from, to }) => [id, from, to]);

  test("just before the oldest that is kept, and at it, meets no gap", () => {
    const world = kept(12);
    expect([from(world, 11), from(world, 12)].map((client) => [client.seqs[0], gapsOf(client)])).toEqual([[12, []], [13, []]]);
    expect(gapsOf(from(world, 10))).toEqual([[11, 11, 11]]);
  });

  test("whose gap ends where the memory begins goes on there, with no page read", () => {
    const world = kept(23);
    const client = from(world, 5);
    expect([gapsOf(client), client.seqs]).toEqual([[[22, 6, 22]], [23, 24, 25, 26, 27, 28, 29, 30]]);
    expect(world.counts.page).toBe(0);
  });

  test("whose gap ends within what is in memory gets what is kept and nothing before", () => {
    const world = kept(26);
    const client = from(world, 5);
    expect([gapsOf(client), client.seqs]).toEqual([[[25, 6, 25]], [26, 27, 28, 29, 30]]);
  });

  test("of which everything after is forgotten is at the head behind its gap", () => {
    const world = kept(31);
    const client = from(world, 5);
    expect([gapsOf(client), client.seqs, client.subscriber.state]).toEqual([[[30, 6, 30]], [], "live"]);
    world.commit(some(1));
    world.quiesce();
    expect(client.seqs).toEqual([31]);
  });

  test("that is forgotten while its page is read gets the gap the page tells of, and no event twice", () => {
    const world = kept(1);
    const client = world.subscribe(`${EPOCH}.5`, EVERYTHING)!;
    while (world.take(client));
    world.answer(0, 2);
    // The next page is under way.
    world.oldest = 15;
    world.quiesce();
    expect([gapsOf(client), client.seqs.slice(0, 3)]).toEqual([[[14, 8, 14]], [6, 7, 15]]);
  });
});
