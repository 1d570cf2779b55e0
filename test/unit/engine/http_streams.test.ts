/** Event streams and the connections that take them: what a connection has in hand counts, and nothing is written to one that said no. */
import { expect, test } from "bun:test";
import { asSeq } from "../../../src/base/brand.ts";
import { EVERYTHING } from "../../../src/broker/filter.ts";
import { Account } from "../../../src/broker/subscriber.ts";
import { Streams } from "../../../src/engine/http/streams.ts";
import type { BodySource } from "../../../src/platform/body.ts";
import { BrokerWorld, EPOCH } from "../../support/broker_world.ts";

/** A stream whose connection passes on nothing before it is told to. */
function opened() {
  const world = new BrokerWorld({ subscriberEvents: 1000 });
  const account = new Account();
  const said: string[] = [];
  let source: BodySource | null = null;
  const never = (): never => {
    throw new Error("nothing is read here");
  };
  const streams = new Streams({
    broker: world.broker,
    readers: { ask: never } as never,
    maker: {} as never,
    bodyOf: (given) => {
      source = given;
      return new ReadableStream();
    },
    reached: never,
    mono: () => world.time,
    byeMs: 1000,
    opened: () => undefined,
    fail: never,
  });
  const wish = { cursor: `${EPOCH}.0`, filter: EVERYTHING, retryMs: 1, maxAgeMs: 1e9, account };
  const stream = streams.open(wish, asSeq(0), () => said.push("cut"), () => said.push("over"));
  const wrote: number[] = [];
  const sink = { write: (bytes: Uint8Array): boolean => (wrote.push(bytes.length), false), end: () => void said.push("end") };
  const event = (): void => {
    world.commit([{ device: "a", kind: "record" }]);
    world.publish();
    streams.deliver();
  };
  return { streams, stream: stream!, account, said, wrote, event, ready: () => source!.ready(sink), gone: () => source!.gone() };
}

test("what a connection was given and has not passed on counts against the bound, until it takes more", () => {
  const { account, wrote, event, ready } = opened();
  ready();
  const [opening] = wrote;
  expect([wrote.length, account.inHand, account.bytes]).toEqual([1, opening!, 0]);
  event();
  const { bytes } = account;
  // It said no: the event waits, and both count.
  expect([wrote.length, account.inHand, bytes > 0]).toEqual([1, opening!, true]);
  ready();
  expect([wrote.length, account.inHand, account.bytes]).toEqual([2, bytes, 0]);
  ready();
  expect([wrote.length, account.inHand]).toEqual([2, 0]);
  event();
  expect([wrote.length, account.inHand]).toEqual([3, bytes]);
  expect(account.peak).toBe(opening! + bytes);
});

test("a client that went away leaves nothing behind, whatever it was given, and is told of once", () => {
  const { streams, stream, account, said, event, ready, gone } = opened();
  ready();
  event();
  gone();
  gone();
  stream.close();
  stream.end(new Uint8Array(1));
  event();
  expect([streams.count, account.bytes, account.events, said]).toEqual([0, 0, 0, ["over"]]);
});

test("an end goes before what is queued, and once", () => {
  const { streams, stream, wrote, said, event, ready } = opened();
  ready();
  event();
  event();
  stream.end(new Uint8Array(7));
  stream.end(new Uint8Array(9));
  expect([wrote.length, streams.count]).toEqual([1, 1]);
  ready();
  expect([wrote.slice(1), streams.count, said]).toEqual([[7], 0, ["over", "end"]]);
});
