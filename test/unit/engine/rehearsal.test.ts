/** Each thread's rehearsal does what the thread will do, and nobody else sees anything of it. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import type { Boot } from "../../../src/engine/boot.ts";
import { rehearseCodec } from "../../../src/engine/rehearsal/codec.ts";
import { rehearseJournal } from "../../../src/engine/rehearsal/journal.ts";
import { rehearseRegistry } from "../../../src/engine/rehearsal/registry.ts";
import type { Rehearsed } from "../../../src/engine/rehearsal/world.ts";
import { choosePlatform } from "../../../src/platform/choose.ts";
import type { Platform } from "../../../src/platform/port.ts";
import { sumOf } from "../../../src/telemetry/counters.ts";
import { type MetricName, slot } from "../../../src/telemetry/slots.ts";
import { Board, DrainPhase, Gate } from "../../../src/wire/board.ts";
import { FRAME_FAULTS } from "../../../src/wire/frame_message.ts";
import { CodecBench } from "../../support/codec_bench.ts";

const REHEARSALS = [
  ["codec worker", rehearseCodec],
  ["registry", rehearseRegistry],
  ["journal", rehearseJournal],
] as const;
const MS = 150;
const platform = await choosePlatform();
const bootOf = (rehearsalMs: number): Boot => new CodecBench({ rehearsalMs }).boot;
/** A clock by which a millisecond passes whenever it is read, so that a slow machine takes as many turns as a fast one. */
const ticking = (): Platform => {
  let now = 1000;
  return { ...platform, clock: { wall: () => platform.clock.wall(), mono: () => (now += 0.1) as ReturnType<Platform["clock"]["mono"]> } };
};
const count = ({ counters }: Rehearsed, name: MetricName, label = ""): number => sumOf(counters, slot(name, label));
const memories = ({ rings, board, counters, presence }: Boot): SharedArrayBuffer[] => [
  board,
  counters,
  presence,
  ...[rings.adopt, rings.frames, rings.exceptions, rings.claims, rings.decisions, rings.asks, rings.answers].flat(),
  rings.lifecycle,
  rings.broadcast,
];

describe.each(REHEARSALS)("the rehearsal of a %s", (_name, rehearse) => {
  test("ends when its time is over, and leaves the gateway's memory as it was, but for its heartbeat", () => {
    const boot = bootOf(MS);
    const before = memories(boot).map((memory) => Bun.hash(new Uint8Array(memory)));
    const rehearsed = rehearse(boot, ticking())!;
    expect(rehearsed.turns).toBeGreaterThan(2);
    const board = new Board(boot.board);
    expect([board.heartbeat(boot.thread) > 0, board.committed(), board.gate()]).toEqual([true, 0 as never, Gate.starting]);
    expect(memories(boot).map((memory) => Bun.hash(new Uint8Array(memory))).slice(1)).toEqual(before.slice(1));
  });

  test("is not done when none is wanted, and ends at once when the gateway is to stop", () => {
    expect(rehearse(bootOf(0), platform)).toBeNull();
    const boot = bootOf(60_000);
    new Board(boot.board).setPhase(DrainPhase.stopAccepting);
    expect(rehearse(boot, platform)!.turns).toBe(0);
  });
});

describe("a rehearsal", () => {
  test("of a codec worker has devices admitted and their frames answered, and no fault", () => {
    const rehearsed = rehearseCodec(bootOf(MS), ticking())!;
    expect(count(rehearsed, "berth_logins_total", "accepted")).toBeGreaterThan(32);
    for (const codec of ["8", "8E", "16"]) expect(count(rehearsed, "berth_frames_total", `${codec},kept`)).toBeGreaterThan(32);
    for (const fault of FRAME_FAULTS.slice(1)) expect(count(rehearsed, "berth_bad_frames_total", fault)).toBe(0);
  });

  test("of the registry has devices admitted and taken over", () => {
    const rehearsed = rehearseRegistry(bootOf(MS), ticking())!;
    expect(count(rehearsed, "berth_takeovers_total", "takeover,admitted")).toBeGreaterThan(2);
    expect(count(rehearsed, "berth_takeovers_total", "takeover,refused")).toBe(0);
  });

  test("of the journal has records stored, some known already and none refused, and not a file", () => {
    const rehearsed = rehearseJournal(bootOf(MS), ticking())!;
    expect(count(rehearsed, "berth_records_total", "stored")).toBeGreaterThan(100);
    expect(count(rehearsed, "berth_records_total", "duplicate")).toBeGreaterThan(10);
    expect(count(rehearsed, "berth_records_total", "refused")).toBe(0);
    expect(count(rehearsed, "berth_syncs_total", "sync")).toBeGreaterThan(0);
    expect(count(rehearsed, "berth_flush_slices_total")).toBeGreaterThan(0);
    expect(count(rehearsed, "berth_commit_failures_total")).toBe(0);
    expect(existsSync(":memory:")).toBe(false);
  });
});
