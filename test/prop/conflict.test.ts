/** The conflict watch under any interleaving of claims, evidence and time: what may alarm, what never does, what is kept. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConflictWorld, DEVICE } from "../support/conflict_world.ts";

interface Move {
  readonly afterMs: number;
  readonly origin: number;
  /** What is heard of the loser, and after how many more moves (5: never). */
  readonly heard: boolean;
  readonly late: number;
  readonly leaves: boolean;
}

const move = (origins: number): fc.Arbitrary<Move> =>
  fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 90_000 })),
    origin: fc.integer({ min: 0, max: origins - 1 }),
    heard: fc.boolean(),
    late: fc.integer({ min: 0, max: 5 }),
    leaves: fc.boolean(),
  });
const moves = (origins: number): fc.Arbitrary<Move[]> => fc.array(move(origins), { minLength: 1, maxLength: 60 });
const from = (origin: number) => ({ address: `10.1.0.${origin}` });

/** Plays the moves; `after` looks at the world after each of them. */
function play(world: ConflictWorld, all: readonly Move[], after: (move: Move) => void = () => undefined): ConflictWorld {
  const later: { fence: number; heard: boolean; at: number }[] = [];
  all.forEach((each, i) => {
    world.pass(each.afterMs);
    if (each.leaves && each.late === 0) world.leave();
    const fence = world.take(from(each.origin));
    if (fence !== null && each.late < 5) later.push({ fence, heard: each.heard, at: i + each.late });
    for (const { fence: lost, heard, at } of later) if (at === i) world.hear(lost, heard);
    after(each);
  });
  return world;
}

const RUNS = { numRuns: 400 };

describe("conflict watch, for all histories", () => {
  test("one origin alone never alarms", () => {
    fc.assert(fc.property(moves(1), (all) => play(new ConflictWorld(), all).alarms.length === 0), RUNS);
  });

  test("one vehicle at one address never alarms, whichever of its records a connection sends", () => {
    // A place for each minute, as far from the one before as it can go in that time.
    const steps = fc.array(fc.tuple(fc.integer({ min: -900_000, max: 900_000 }), fc.integer({ min: -900_000, max: 900_000 })), {
      minLength: 10,
      maxLength: 300,
    });
    const connection = fc.record({ first: fc.nat(), newest: fc.nat(), shape: fc.constantFrom(0, 7), heard: fc.boolean() });
    fc.assert(
      fc.property(steps, fc.array(connection, { maxLength: 40 }), (way, all) => {
        let [lat, lon] = [540_000_000, 250_000_000];
        const fixes = way.map(([dLat, dLon], i) => ({ time: i * 60_000, lat: lat += dLat, lon: lon += dLon }));
        const world = new ConflictWorld();
        for (const { first, newest, shape, heard } of all) {
          const sent = { shape, first: fixes[first % fixes.length]!, newest: fixes[newest % fixes.length]! };
          world.pass(1000).takes({ address: "10.1.0.1", sent }, heard);
        }
        return world.alarms.length === 0;
      }),
      RUNS,
    );
  });

  test("without a live loser nothing alarms", () => {
    fc.assert(
      fc.property(moves(4), (all) => play(new ConflictWorld(), all.map((each) => ({ ...each, heard: false }))).alarms.length === 0),
      RUNS,
    );
  });

  test("origins that never come back do not alarm", () => {
    fc.assert(
      fc.property(moves(1), (all) => play(new ConflictWorld(), all.map((each, i) => ({ ...each, origin: i }))).alarms.length === 0),
      RUNS,
    );
  });

  test("an unacknowledged conflict is told once while it is fought", () => {
    const busy = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 10_000 }), origin: fc.integer({ min: 0, max: 3 }) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(busy, (all) => {
        const live = all.map((each) => ({ ...each, heard: true, late: 0, leaves: false }));
        return play(new ConflictWorld(), live).alarms.length <= 1;
      }),
      RUNS,
    );
  });

  test("an alarm has its evidence: two origins, and as many takeovers or alternations as the rule wants", () => {
    fc.assert(
      fc.property(moves(3), (all) => {
        for (const { alarm } of play(new ConflictWorld(), all).alarms) {
          const { old, owner, heard } = alarm.last;
          if (heard !== true || old.claim.address === owner.claim.address || owner.fence <= old.fence) return false;
          if (alarm.alternations < 2 && alarm.takeovers < 4) return false;
        }
        return true;
      }),
      RUNS,
    );
  });

  test("two live devices less than 30 s apart always alarm, with the evidence of the fourth takeover", () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 29_000 }), { minLength: 5, maxLength: 20 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 3 }), (all, late) => {
        const world = new ConflictWorld();
        let toldAt = -1;
        play(
          world,
          all.map((afterMs, i) => ({ afterMs, origin: i % 2, heard: true, late: Math.min(late, all.length - 5), leaves: false })),
          () => (toldAt = toldAt < 0 && world.alarms.length > 0 ? world.alarms[0]!.now : toldAt),
        );
        return world.alarms.length === 1 && toldAt > 0;
      }),
      RUNS,
    );
  });

  test("hold refuses another origin only, never for longer than its bound, and only in a conflict", () => {
    fc.assert(
      fc.property(moves(3), fc.integer({ min: 0, max: 2 }), (all, asked) => {
        const world = new ConflictWorld("hold");
        let sound = true;
        play(world, all, () => {
          const held = world.hold(from(asked));
          if (held === null) return;
          sound &&= world.holder()!.claim.address !== from(asked).address && world.alarms.length > 0;
          sound &&= held.kind === "probe" || (held.retryAfterMs > 0 && held.retryAfterMs <= 600_000);
        });
        return sound;
      }),
      RUNS,
    );
  });

  test("memory stays in its bounds and empties with time", () => {
    const many = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), move(3)), { maxLength: 200 });
    fc.assert(
      fc.property(many, (all) => {
        const world = new ConflictWorld("hold", { watchedIdentities: 5 });
        for (const [device, each] of all) {
          world.pass(each.afterMs / 50).takes(from(each.origin), each.heard, `${DEVICE}-${device}`);
          if (world.watch.watched > 5 || world.watch.conflicts > 5) return false;
        }
        world.pass(2 * 3600_000);
        // A call forgets so many at most.
        world.pass(0);
        expect([world.watch.watched, world.watch.conflicts]).toEqual([0, 0]);
        return true;
      }),
      RUNS,
    );
  });
});
