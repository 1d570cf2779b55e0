/**
 * The dial scheduler over every interleaving of its events: at most one dial in flight per identity, exactly one thing to
 * wait for while it has no connection, nothing after a drain, and nobody is ever muted.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { asDeviceId } from "../../src/base/brand.ts";
import { nextDialAt } from "../../src/registry/dial.ts";
import { DIAL_STAGES } from "../../src/registry/dial_rule.ts";
import { type DialEffect, NONE } from "../../src/registry/dial_state.ts";
import { PEER_POLICIES } from "../../src/wire/peer_line.ts";
import { DialWorld } from "../support/dial_world.ts";

const PEERS = ["a", "z"];
const peer = fc.constantFrom(...PEERS).map(asDeviceId);
const conn = fc.integer({ min: 1, max: 4 });
/** The dial in flight, the one before, or none. */
const back = fc.constantFrom(0, 0, 0, 1, Infinity);

type Move = (world: DialWorld) => readonly DialEffect[];
const numberOf = (world: DialWorld, who: string, ago: number): number =>
  ago === Infinity || world.entry(who).dial === NONE ? NONE : world.entry(who).dial - ago;

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Move>((world) => world.next()) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 0, max: 4000 }).map<Move>((ms) => (world) => {
      world.now += ms;
      return world.do({ type: "tick" });
    }),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(peer, back, fc.constantFrom(...DIAL_STAGES)).map<Move>(([who, ago, stage]) => (world) =>
      world.do({ type: "stage", peer: who, dial: numberOf(world, who, ago), stage })
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(peer, back).map<Move>(([who, ago]) => (world) =>
      world.do({ type: "failed", peer: who, dial: numberOf(world, who, ago) })
    ),
  },
  { weight: 3, arbitrary: fc.tuple(peer, conn).map<Move>(([who, id]) => (world) => world.do({ type: "incoming", peer: who, conn: id })) },
  {
    weight: 3,
    arbitrary: fc.tuple(peer, conn, back).map<Move>(([who, id, ago]) => (world) =>
      world.do({ type: "registered", peer: who, conn: id, dial: numberOf(world, who, ago) })
    ),
  },
  { weight: 3, arbitrary: fc.tuple(peer, conn).map<Move>(([who, id]) => (world) => world.do({ type: "gone", peer: who, conn: id })) },
);

function check(world: DialWorld, effects: readonly DialEffect[]): void {
  for (const entry of world.state.entries.values()) {
    const flying = world.flying(entry.peer);
    expect(flying.length).toBeLessThanOrEqual(1);
    expect(flying).toEqual(entry.waits === "dial" ? [entry.dial] : []);
    if (entry.owner === NONE) expect(entry.waits).not.toBe("nothing");
    else expect(["nothing", "dial"]).toContain(entry.waits);
    expect(Number.isFinite(entry.deadline)).toBe(entry.waits !== "nothing");
    expect(entry.dial !== NONE).toBe(entry.waits === "dial");
  }
  for (const { type, peer: who } of effects) if (type === "dial") expect(world.entry(who).owner).toBe(NONE);
}

/** Left to itself, with every dial failing, each identity without a connection dials again and again; no other does. */
function checkAlive(world: DialWorld): void {
  const dialled = new Map<string, number>();
  const entries = [...world.state.entries.values()];
  const end = world.now + 10_000 + 3 * 20_000;
  while (world.now < end && entries.some(({ owner, peer: who }) => owner === NONE && (dialled.get(who) ?? 0) < 2)) {
    for (const effect of world.next()) {
      if (effect.type !== "dial") continue;
      dialled.set(effect.peer, (dialled.get(effect.peer) ?? 0) + 1);
      world.do({ type: "failed", peer: effect.peer, dial: effect.dial });
    }
  }
  for (const entry of entries) expect((dialled.get(entry.peer) ?? 0) >= 2).toBe(entry.owner === NONE);
}

const setting = fc.record({ policy: fc.constantFrom(...PEER_POLICIES), seed: fc.nat(), percent: fc.constantFrom(1, 100) });

function start(options: { policy: (typeof PEER_POLICIES)[number]; seed: number; percent: number }): DialWorld {
  const world = new DialWorld(options);
  for (const who of PEERS) world.want(who);
  return world;
}

test("every interleaving leaves one thing to wait for, one dial at most, and nobody muted", () => {
  fc.assert(
    fc.property(setting, fc.array(move, { minLength: 10, maxLength: 200 }), (options, moves) => {
      const world = start(options);
      for (const one of moves) check(world, one(world));
      checkAlive(world);
    }),
    { numRuns: 500 },
  );
});

test("after a drain nothing is dialled, waited for or left in flight, whatever comes", () => {
  fc.assert(
    fc.property(setting, fc.array(move, { maxLength: 60 }), fc.array(move, { maxLength: 60 }), (options, before, after) => {
      const world = start(options);
      for (const one of before) one(world);
      world.do({ type: "drain" });
      for (const one of after) {
        expect(one(world).filter(({ type }) => type === "dial")).toEqual([]);
        expect(nextDialAt(world.state)).toBe(Infinity);
        for (const who of PEERS) expect(world.flying(who)).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

test("a dial given up is aborted once, and only while it was in flight", () => {
  fc.assert(
    fc.property(setting, fc.array(move, { minLength: 10, maxLength: 200 }), (options, moves) => {
      const world = start(options);
      const begun = new Set<number>();
      const aborted = new Set<number>();
      for (const one of moves) {
        for (const effect of one(world)) {
          if (effect.type === "dial") begun.add(effect.dial);
          else if (effect.reason !== "late") {
            expect(begun.has(effect.dial)).toBe(true);
            expect(aborted.has(effect.dial)).toBe(false);
            aborted.add(effect.dial);
          }
        }
      }
    }),
    { numRuns: 200 },
  );
});
