/**
 * Whatever the interleaving of commits, laps, pages, forgetting, slow takers and broken connections: complete, once, in order, bounded;
 * in mode latest complete but for what a gap names, and newer records stand for.
 *
 *   BERTH_BROKER_SEEDS   how many (1,000)
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { filterOf, matches } from "../../src/broker/filter.ts";
import { BrokerWorld, EPOCH, SMALL, type TestClient } from "../support/broker_world.ts";

const SEEDS = Number(process.env["BERTH_BROKER_SEEDS"] ?? 1000);
const DEVICES = ["a", "b", "c"];
const KINDS = ["record", "connected"];
const event = fc.record({ device: fc.constantFrom(...DEVICES), kind: fc.constantFrom(...KINDS) });
const filter = fc.tuple(fc.option(fc.subarray(DEVICES, { minLength: 1 })), fc.option(fc.subarray(KINDS, { minLength: 1 })))
  .map(([devices, kinds]) => filterOf(devices, kinds));

const move = fc.oneof(
  { weight: 6, arbitrary: fc.array(event, { minLength: 1, maxLength: 7 }).map((events) => (world: BrokerWorld) => world.commit(events)) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }).map((batches) => (world: BrokerWorld) => world.publish(batches)) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.float({ min: 0, max: 1, noNaN: true }), filter, fc.boolean()).map(
      ([at, wish, latest]) => (world: BrokerWorld) => {
        world.subscribe(`${EPOCH}.${Math.floor(at * world.committed)}`, wish, undefined, latest);
      },
    ),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(), fc.integer({ min: 1, max: 4 })).map(([who, times]) => (world: BrokerWorld) => {
      const client = world.clients[who % Math.max(1, world.clients.length)];
      for (let i = 0; client !== undefined && i < times; i++) world.take(client);
    }),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(), fc.integer({ min: 1, max: 5 }), fc.boolean()).map(([which, events, busy]) => (world: BrokerWorld) => {
      if (world.pages.length > 0) world.answer(which % world.pages.length, events, busy);
    }),
  },
  {
    weight: 1,
    arbitrary: fc.float({ min: 0, max: 1, noNaN: true }).map((share) => (world: BrokerWorld) => {
      world.oldest = Math.max(world.oldest, Math.floor(share * (world.committed + 1)), 1);
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(), fc.boolean()).map(([who, takes]) => (world: BrokerWorld) => {
      const client = world.clients[who % Math.max(1, world.clients.length)];
      if (client !== undefined) world.pushTo(client, takes);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map((who) => (world: BrokerWorld) => {
      const client = world.clients[who % Math.max(1, world.clients.length)];
      if (client === undefined) return;
      world.resume(client);
      world.resumed++;
    }),
  },
  { weight: 1, arbitrary: fc.constant((world: BrokerWorld) => world.lose()) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 700 }).map((ms) => (world: BrokerWorld) => {
      world.now += ms;
      world.settle();
      world.broker.beat(world.time);
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat().map((who) => (world: BrokerWorld) => {
      const client = world.clients[who % Math.max(1, world.clients.length)];
      if (client === undefined) return;
      world.broker.unsubscribe(client.subscriber);
      world.clients.splice(world.clients.indexOf(client), 1);
    }),
  },
);

/** Bounded by events, or by bytes: three events of a subscriber, beside what is kept free for markers. */
const BOUNDS = [{}, { subscriberEvents: 1000, subscriberBytes: 700 }] as const;

function expectBounded(world: BrokerWorld): void {
  const { subscriberEvents, subscriberBytes } = world.limits;
  expect(world.pages.length).toBeLessThanOrEqual(SMALL.pagesInFlight);
  expect(world.counts.peak).toBeLessThanOrEqual(subscriberBytes);
  for (const { subscriber } of world.clients) {
    expect(subscriber.queuedEvents).toBeLessThanOrEqual(subscriberEvents);
    expect(subscriber.queuedBytes).toBeLessThanOrEqual(subscriberBytes);
  }
}

/** Ids never go back, and wherever the connection breaks, everything up to the last one came before it or is in a gap that did. */
function expectHonest(world: BrokerWorld, client: TestClient): void {
  expect(client.seqs).toEqual(world.expected(client));
  let id = client.start;
  const open = new Set(world.matching(client));
  const gaps = client.of("gap");
  for (const word of client.words) {
    if (word.word === "gap") expect(word.id).toBe(Math.max(word.to, id));
    const own = word.word === "event" ? word.seq : word.word === "heartbeat" ? word.position : word.word === "gap" ? word.id : id;
    expect(own).toBeGreaterThanOrEqual(id);
    id = own;
    if (word.word === "event") open.delete(word.seq);
    if (word.word === "gap") {
      expect(word.to).toBeGreaterThanOrEqual(word.from);
      for (let seq = word.from; seq <= word.to; seq++) open.delete(seq);
      // Only what is kept no more may be missing, or what newer ones stand for.
      if (word.cause === "coalesced") expectCoalesced(world, client, word);
      else expect(word.to).toBeLessThan(world.oldest);
    }
    const [first] = open;
    if (first !== undefined) expect(first).toBeGreaterThan(id);
  }
  for (const [i, gap] of gaps.entries()) if (i > 0) expect(gap.from).toBeGreaterThan(gaps[i - 1]!.to);
}

/** A gap of these begins and ends with a record that has a newer one, and holds nothing for the client but such. */
function expectCoalesced(world: BrokerWorld, client: TestClient, { from, to }: { readonly from: number; readonly to: number }): void {
  expect(client.isLatest).toBe(true);
  const within = world.events.filter((event) => from <= event.seq && event.seq <= to && matches(client.filter, event.device, event.kind));
  for (const event of within) {
    expect(event.kind).toBe("record");
    expect(event.seq).toBeLessThan(world.newestOf(event.device));
  }
  expect([within[0]!.seq, within.at(-1)!.seq]).toEqual([from, to]);
}

/** Of each device the newest record came, and as the last of that device; whatever has been left out. */
function expectNewest(world: BrokerWorld, client: TestClient): void {
  const forgotten = client.of("gap").filter((gap) => gap.cause === "retention");
  const got = new Set(client.seqs);
  for (const device of DEVICES) {
    const seq = world.newestOf(device);
    if (seq <= client.start || !matches(client.filter, device, "record")) continue;
    if (!forgotten.some((gap) => gap.from <= seq && seq <= gap.to)) expect(got.has(seq)).toBe(true);
  }
}

test("the broker gives every subscriber everything that matches, once, in order, with gaps named, within its bounds", () => {
  const reached = { page: 0, gap: 0, live: 0, fellBack: 0, written: 0, resumed: 0, coalesced: 0 };
  fc.assert(
    fc.property(fc.array(move, { minLength: 20, maxLength: 120 }), fc.constantFrom(...BOUNDS), (moves, bounds) => {
      const world = new BrokerWorld(bounds);
      for (const act of moves) {
        const live = world.clients.filter((client) => client.subscriber.state === "live");
        act(world);
        expectBounded(world);
        reached.live += live.length;
        reached.fellBack += live.filter((client) => client.subscriber.state === "catching").length;
      }
      world.quiesce();
      for (const client of world.clients) {
        expectHonest(world, client);
        expectNewest(world, client);
        expect(client.subscriber.state).toBe("live");
      }
      reached.page += world.counts.page;
      reached.gap += world.counts.gap;
      reached.coalesced += world.counts.coalesced;
      reached.written += world.written;
      reached.resumed += world.resumed;
    }),
    { numRuns: SEEDS },
  );
  for (const [branch, count] of Object.entries(reached)) expect([branch, count > 0]).toEqual([branch, true]);
}, Math.max(60_000, 60 * SEEDS));
