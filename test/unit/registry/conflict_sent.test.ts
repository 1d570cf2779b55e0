/** Two devices told apart by what they send, story by story on simulated time; and what looks like two and is one. */
import { describe, expect, test } from "bun:test";
import { every, play, type Story, times } from "../../support/conflict_story.ts";
import { ConflictWorld, type From } from "../../support/conflict_world.ts";
import { CONFLICT_DIFFERENCES } from "../../../src/wire/control.ts";
import type { Fix, Sent } from "../../../src/wire/sent.ts";

const A: From = { address: "10.0.0.1" };
const B: From = { address: "10.0.0.2" };
const SECOND = 1000;
const address = (n: number): From => ({ address: `100.64.0.${n}` });

/** A device behind `from` that sends records of codec and shape, or from a place at a time. */
const sends = (from: From, sent: Partial<Sent>): From => ({ ...from, sent });
const RECORDED = 1_790_000_000_000;
const fix = (lat: number, lon: number, second: number): Fix => ({ time: RECORDED + second * SECOND, lat: lat * 1e7, lon: lon * 1e7 });
type Place = readonly [lat: number, lon: number];
const at = (from: From, [lat, lon]: Place, second: number, more: Partial<Sent> = {}): From =>
  sends(from, { first: fix(lat, lon, second), newest: fix(lat, lon, second + 1), ...more });
const VILNIUS: Place = [54.69, 25.28];
const MADRID: Place = [40.42, -3.7];
/** In turn from two towns, each from the address that `from` gives it; every `s` seconds. */
const towns = (count: number, s: number, from: (i: number) => From, more: Partial<Sent> = {}): From[] =>
  Array.from({ length: count }, (_, i) => at(from(i), [VILNIUS, MADRID][i % 2]!, i * s, more));
const SHAPED = [sends(A, { shape: 1 }), sends(A, { shape: 2 })] as const;

const SECURED = ["TLSv1.3 TLS_AES_128_GCM_SHA256 aa", "TLSv1.3 TLS_AES_128_GCM_SHA256 bb"].map((tls) => ({ ...A, tls }));

const STORIES: readonly Story[] = [
  { name: "two certificates behind one address", steps: every(SECOND, true, ...times(5, ...SECURED)), alarms: [4], last: "clone" },
  {
    name: "a device that comes with TLS and without",
    steps: every(SECOND, true, ...times(9, A, SECURED[0]!)),
    alarms: [],
    last: "restart_loop",
  },
  {
    name: "a device that gets a new certificate while it starts again and again",
    steps: every(SECOND, true, ...times(9, SECURED[0]!), ...times(9, SECURED[1]!)),
    alarms: [],
    last: "restart_loop",
  },

  {
    name: "two devices behind one address that send different codecs",
    steps: every(SECOND, true, ...times(5, sends(A, { codec: 8 }), sends(A, {}))),
    alarms: [4],
    last: null,
  },
  {
    name: "two devices behind one address whose records have different elements",
    steps: every(SECOND, true, ...times(5, ...SHAPED)),
    alarms: [4],
    last: null,
  },
  { name: "the same, slowly", steps: every(50 * SECOND, true, ...times(5, ...SHAPED)), alarms: [], last: null },
  {
    name: "a device that starts again and again, and sends one kind of record",
    steps: every(SECOND, true, ...times(40, SHAPED[0])),
    alarms: [],
    last: "restart_loop",
  },
  {
    name: "a device that starts again and again, and sends records of any kind",
    steps: every(SECOND, true, ...times(20, SHAPED[0], sends(A, { shape: 0 }))),
    alarms: [],
    last: "restart_loop",
  },
  {
    name: "a device that starts again and again, and says nothing",
    steps: every(SECOND, true, ...times(20, A, SHAPED[0])),
    alarms: [],
    last: "restart_loop",
  },
  {
    name: "a device whose configuration is changed once while it starts again and again",
    steps: every(SECOND, true, ...times(9, SHAPED[0]), ...times(9, SHAPED[1])),
    alarms: [],
    last: "restart_loop",
  },
  {
    name: "a NAT pool whose addresses send one kind of record each, never both live",
    steps: every(SECOND, false, ...times(20, SHAPED[0], sends(B, { shape: 2 }))),
    alarms: [],
    last: "nat_rebind",
  },
  { name: "two towns behind one address", steps: every(SECOND, true, ...towns(10, 1, () => A)), alarms: [4], last: null },
  {
    name: "two towns from two addresses, and no loser is ever heard",
    steps: every(SECOND, false, ...towns(10, 1, (i) => [A, B][i % 2]!)),
    alarms: [4],
    last: null,
  },
  {
    name: "two towns from an address of a pool each time, and no loser is ever heard",
    steps: every(SECOND, false, ...towns(10, 1, address)),
    alarms: [4],
    last: null,
  },
  { name: "two towns, slowly", steps: every(100 * SECOND, false, ...towns(10, 100, (i) => [A, B][i % 2]!)), alarms: [4], last: null },
  {
    name: "two towns, every three hours",
    steps: every(10_800 * SECOND, false, ...towns(10, 10_800, (i) => [A, B][i % 2]!)),
    alarms: [],
    last: "nat_rebind",
  },
  {
    name: "two towns, by a receiver that jumps within a connection as well",
    steps: every(SECOND, false, ...towns(10, 1, (i) => [A, B][i % 2]!, { isSteady: false })),
    alarms: [],
    last: "nat_rebind",
  },
  {
    name: "one wrong position in a pool of addresses",
    steps: every(SECOND, false, ...towns(3, 1, address), ...times(5, at(A, VILNIUS, 5))),
    alarms: [],
    last: "flaky_link",
  },
  {
    name: "a wrong position each time it starts again",
    steps: every(SECOND, true, ...Array.from({ length: 20 }, (_, i) => at(A, [i * 4, i * 8], i))),
    alarms: [],
    last: null,
  },
  {
    name: "a device that starts again and again on its way",
    steps: every(SECOND, true, ...Array.from({ length: 40 }, (_, i) => at(A, [54 + i / 1000, 25], i))),
    alarms: [],
    last: "restart_loop",
  },
  {
    name: "a device that sends an old journey between new records, newest or oldest first",
    steps: every(SECOND, true, ...Array.from({ length: 40 }, (_, i) => at(A, [VILNIUS, MADRID][i % 2]!, i % 2 === 0 ? 90_000 + i : i))),
    alarms: [],
    last: "restart_loop",
  },
];

describe("conflict watch", () => {
  test.each(STORIES.map((story) => [story.name, story] as const))("%s", (_name, story) => play(story));

  test("an alarm of two towns names where both were, and what one vehicle would have had to do", () => {
    const world = new ConflictWorld();
    for (const from of towns(5, 1, () => A, { shape: 7 })) world.pass(SECOND).takes(from, true);
    const { last, rule, oldSent, ownerSent, movement } = world.alarms[0]!.alarm;
    expect([rule, last.old.sent, last.owner.sent]).toEqual(["alternations", oldSent, ownerSent]);
    expect([oldSent!.shape, oldSent!.newest!.lat, ownerSent!.newest!.lat]).toEqual([7, MADRID[0] * 1e7, VILNIUS[0] * 1e7]);
    expect([Math.round(movement!.km / 10) * 10, movement!.seconds]).toEqual([2660, 0]);
    const slow = new ConflictWorld();
    for (const from of towns(5, 100, address)) slow.pass(100 * SECOND).takes(from, false);
    expect(slow.alarms.map(({ alarm }) => [alarm.rule, alarm.alternations, alarm.takeovers, alarm.windowMs])).toEqual([
      ["movement", 2, 4, 600 * SECOND],
    ]);
  });

  test("what the two sides sent is named from their connections before when the newest has not sent anything", () => {
    const world = new ConflictWorld();
    const [a, b] = [sends(A, { shape: 1 }), sends(B, { shape: 2 })];
    for (const from of [a, b, a, b, A]) world.pass(SECOND).takes(from, true);
    expect(world.alarms.map(({ alarm }) => [alarm.oldSent?.shape, alarm.ownerSent?.shape])).toEqual([[2, 1]]);
  });

  test("hold keeps out a certificate that the holder does not have, behind the same address", () => {
    const world = new ConflictWorld("hold");
    const [one, other] = [SECURED[0]!, SECURED[1]!];
    for (const from of times(3, one, other).slice(0, 5)) world.pass(SECOND).takes(from, true);
    expect([world.hold(other)?.kind, world.hold(one)]).toEqual(["refuse", null]);
    expect(world.alarms[0]!.alarm.differ).toBe(1 << CONFLICT_DIFFERENCES.indexOf("tls"));
  });

  test("what was sent is kept of a watched device only", () => {
    const world = new ConflictWorld();
    world.take(A);
    world.sends(1024, { shape: 1 });
    expect([world.watch.watched, world.holder()!.sent]).toEqual([0, null]);
  });
});
