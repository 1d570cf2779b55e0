/**
 * Clients with several subscriptions and one account, as a WebSocket has: whatever the interleaving of commits, laps, forgetting, new
 * subscriptions and sockets that pass on nothing, every channel is complete, once, in order, and a client holds its bounds.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Filter, filterOf } from "../../src/broker/filter.ts";
import { Account } from "../../src/broker/subscriber.ts";
import { BrokerWorld, EPOCH, SMALL, type TestClient } from "../support/broker_world.ts";

const CHANNELS: Readonly<Record<string, Filter>> = {
  devices: filterOf(null, null, []),
  "device.a": filterOf(["a"], null, []),
  "device.b": filterOf(["b"], null, []),
  "app.x": filterOf([], null, ["app.x"]),
  "app.y": filterOf([], null, ["app.y"]),
};
/** What a socket takes before the one on the other end has: less than all of its subscriptions may have queued. */
const SOCKET_BYTES = 300;
/** Openings, gaps, resyncs and heartbeats are queued whatever the bound. */
const MARKERS = 1024;

class Socket {
  readonly account = new Account();
  readonly subscriptions = new Map<string, TestClient>();
  /** What became of subscriptions that were given up. */
  readonly left: TestClient[] = [];
}

class SocketWorld extends BrokerWorld {
  readonly sockets = [new Socket(), new Socket()];

  open(socket: Socket, name: string, at: number): void {
    const known = socket.subscriptions.get(name);
    if (known !== undefined) this.giveUp(socket, name, known);
    const client = this.subscribe(`${EPOCH}.${Math.floor(at * this.committed)}`, CHANNELS[name]!, socket.account);
    if (client !== null) socket.subscriptions.set(name, client);
  }

  giveUp(socket: Socket, name: string, client: TestClient): void {
    socket.subscriptions.delete(name);
    this.broker.unsubscribe(client.subscriber);
    client.subscriber.forget();
    this.clients.splice(this.clients.indexOf(client), 1);
    socket.left.push(client);
  }

  /** Hands what is queued to the socket, as long as it passes it on. */
  pump(socket: Socket): void {
    for (const client of socket.subscriptions.values()) {
      while (socket.account.inHand < SOCKET_BYTES) {
        const before = client.subscriber.queuedBytes;
        if (!this.take(client)) break;
        socket.account.inHand += Math.max(0, before - client.subscriber.queuedBytes);
      }
    }
  }
}

const event = fc.oneof(
  fc.constantFrom("a", "b", "c").map((device) => ({ device, kind: "record" })),
  fc.constantFrom("app.x", "app.y").map((channel) => ({ device: "", kind: "message", channel })),
);
const one = fc.nat({ max: 1 });
const share = fc.float({ min: 0, max: 1, noNaN: true });
const name = fc.constantFrom(...Object.keys(CHANNELS));

const move = fc.oneof(
  { weight: 6, arbitrary: fc.array(event, { minLength: 1, maxLength: 7 }).map((events) => (w: SocketWorld) => w.commit(events)) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }).map((batches) => (w: SocketWorld) => w.publish(batches)) },
  { weight: 4, arbitrary: fc.tuple(one, name, share).map(([i, channel, at]) => (w: SocketWorld) => w.open(w.sockets[i]!, channel, at)) },
  {
    weight: 1,
    arbitrary: fc.tuple(one, name).map(([i, channel]) => (w: SocketWorld) => {
      const client = w.sockets[i]!.subscriptions.get(channel);
      if (client !== undefined) w.giveUp(w.sockets[i]!, channel, client);
    }),
  },
  { weight: 8, arbitrary: one.map((i) => (w: SocketWorld) => w.pump(w.sockets[i]!)) },
  {
    weight: 6,
    arbitrary: one.map((i) => (w: SocketWorld) => {
      w.sockets[i]!.account.inHand = 0;
      w.pump(w.sockets[i]!);
    }),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(), fc.integer({ min: 1, max: 5 })).map(([which, events]) => (w: SocketWorld) => {
      if (w.pages.length > 0) w.answer(which % w.pages.length, events);
    }),
  },
  {
    weight: 1,
    arbitrary: share.map((to) => (w: SocketWorld) => {
      w.oldest = Math.max(w.oldest, Math.floor(to * (w.committed + 1)), 1);
    }),
  },
  { weight: 1, arbitrary: fc.constant((w: SocketWorld) => w.lose()) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 700 }).map((ms) => (w: SocketWorld) => {
      w.now += ms;
      w.settle();
      w.broker.beat(w.time);
    }),
  },
);

function expectBounded({ account, subscriptions }: Socket): void {
  const all = [...subscriptions.values()];
  expect(account.events).toBe(all.reduce((sum, { subscriber }) => sum + subscriber.queuedEvents, 0));
  expect(account.events).toBeLessThanOrEqual(SMALL.subscriberEvents);
  expect(account.bytes + account.inHand).toBeLessThanOrEqual(SMALL.subscriberBytes + SOCKET_BYTES + MARKERS);
}

test("every channel of every socket is complete, once and in order, and a socket holds its bounds", () => {
  const reached = { gap: 0, page: 0, starved: 0, given: 0 };
  fc.assert(
    fc.property(fc.array(move, { minLength: 20, maxLength: 120 }), (moves) => {
      const world = new SocketWorld({ subscribers: 64 });
      for (const act of moves) {
        act(world);
        world.sockets.forEach(expectBounded);
        reached.starved += Number(world.sockets.some(({ account }) => account.starved));
      }
      for (const { account, left } of world.sockets) {
        account.inHand = 0;
        // What was heard before it was given up is the beginning of what was to be heard.
        for (const client of left) expect(client.seqs).toEqual(world.expected(client).slice(0, client.seqs.length));
        reached.given += left.length;
      }
      world.quiesce();
      for (const { subscriptions } of world.sockets) {
        for (const [channel, client] of subscriptions) {
          expect([channel, client.subscriber.state, client.seqs]).toEqual([channel, "live", world.expected(client)]);
        }
      }
      reached.gap += world.counts.gap;
      reached.page += world.counts.page;
    }),
    { numRuns: 300 },
  );
  for (const [branch, count] of Object.entries(reached)) expect([branch, count > 0]).toEqual([branch, true]);
}, 60_000);
