/** Where a connection comes from, as events and history tell it: what REST says of the same connection, in the same spelling. */
import { afterAll, expect, test } from "bun:test";
import { conflictPayload } from "../../../src/engine/journal/conflict.ts";
import { JournalEvents } from "../../../src/engine/journal/events.ts";
import type { Journal } from "../../../src/store/journal.ts";
import type { MessageOf } from "../../../src/wire/control.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

const from = (clientInstance: string) => ({ ring: 0, conn: 1, transport: 0, address: "h", port: 1, clientInstance, at: NOW });
const replacedBy = (clientInstance: string, oldClientInstance: string): MessageOf<"replaced"> => ({
  type: "replaced",
  device: "a",
  fence: 2048,
  ...from(clientInstance),
  conn: 2,
  policy: 0,
  cause: 0,
  oldFence: 1024,
  oldTransport: 0,
  oldAddress: "h",
  oldPort: 1,
  oldClientInstance,
  oldSince: NOW,
  oldConn: 1,
  oldRing: 0,
  oldClosing: false,
  oldLastByteAt: 0,
  oldInFlight: 0,
  oldLastAckAt: 0,
  oldRttUs: 0,
  oldRetransmits: 0,
  floor: 2048,
});
const side = { Address: "h", Port: 1, Fence: 1024, Since: NOW, Tls: "", Codec: 0, Shape: 0 };
const prefixed = <P extends string>(prefix: P) =>
  Object.fromEntries(Object.entries(side).map(([name, value]) => [`${prefix}${name}`, value])) as Record<
    `${P}${keyof typeof side}`,
    never
  >;

/** What goes into the journal by these messages: events, and the rows beside them. */
function kept(take: (events: JournalEvents) => void): { readonly payloads: unknown[]; readonly bench: StoreBench } {
  const bench = new StoreBench();
  const payloads: unknown[] = [];
  const event = bench.journal.event.bind(bench.journal);
  bench.journal.event = (...args: Parameters<Journal["event"]>) => {
    payloads.push(args[4], args[5]?.change);
    return event(...args);
  };
  take(new JournalEvents(bench.journal, 1));
  bench.commit();
  return { payloads, bench };
}
const instancesIn = (value: unknown): unknown[] =>
  value === null || typeof value !== "object"
    ? []
    : Object.entries(value as Readonly<Record<string, unknown>>).flatMap(([name, each]) =>
      name === "clientInstance" ? [each] : instancesIn(each)
    );

test("a client that names no instance has null for one, in events and in the rows of history", () => {
  const { payloads, bench } = kept((events) => {
    events.take({ type: "connected", device: "a", fence: 1024, ...from("") });
    events.take(replacedBy("", ""));
    events.take({ type: "refusedMany", device: "a", fence: 2048, count: 1, refusal: 0, policy: 0, address: "h", port: 1, at: NOW });
  });
  // Connected, both sides of a takeover twice, refused.
  expect(instancesIn(payloads)).toEqual([null, null, null, null, null, null]);
  expect([...bench.journal.fold].map((device) => device.clientInstance)).toEqual([""]);
});

test("a client that names its instance is told by that name, and known by it", () => {
  const { payloads, bench } = kept((events) => {
    events.take({ type: "connected", device: "a", fence: 1024, ...from("one") });
    events.take(replacedBy("two", "one"));
  });
  expect(instancesIn(payloads)).toEqual(["one", "two", "one", "one", "two"]);
  expect([...bench.journal.fold].map((device) => device.clientInstance)).toEqual(["two"]);
});

test("the sides of a conflict are told in the same spelling", () => {
  const numbers = { alternations: 2, takeovers: 4, windowMs: 1, verdict: 1, action: 0, rule: 0, differ: 0, km: 0, seconds: 0 };
  const movement = { fromTime: 0, fromLat: 0, fromLon: 0, toTime: 0, toLat: 0, toLon: 0 };
  const sides = { ...prefixed("first"), ...prefixed("second"), firstClientInstance: "", secondClientInstance: "two" };
  const told = conflictPayload({ type: "conflict", device: "a", fence: 2048, at: NOW, ...numbers, ...movement, ...sides });
  expect(instancesIn(told)).toEqual([null, "two"]);
});
