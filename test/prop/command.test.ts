/** Commands through any interleaving of disk, workers, connections, answers and crashes: never written twice, one end each. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asDeviceId } from "../../src/base/brand.ts";
import type { Command } from "../../src/command/command.ts";
import { isEnd } from "../../src/wire/command.ts";
import { CommandWorld } from "../support/command_world.ts";

const DEVICES = ["a", "b"].map(asDeviceId);
const KEYS = ["", "", "k", "l"];
const STEPS = [
  "submit",
  "connect",
  "heard",
  "leave",
  "tell",
  "commit",
  "part",
  "hand",
  "work",
  "flow",
  "refuse",
  "late",
  "answer",
  "nack",
  "pass",
  "crash",
] as const;

interface Step {
  readonly what: (typeof STEPS)[number];
  readonly pick: number;
}

const steps = fc.array(
  fc.record<Step>({
    what: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<Step["what"]>(...STEPS.slice(0, -1)) },
      { weight: 1, arbitrary: fc.constant<Step["what"]>("crash") },
    ),
    pick: fc.nat(1000),
  }),
  { maxLength: 120 },
);

/** Every command that was ever handed over: an answer may come at any time, for any of them. */
function play(world: CommandWorld, seen: Command[], { what, pick }: Step): void {
  const device = DEVICES[pick % DEVICES.length]!;
  switch (what) {
    case "submit":
      return void world.submit({ device, key: KEYS[pick % KEYS.length]!, ttlMs: 1 + pick * 100 });
    case "connect":
      return void world.connect(device);
    case "heard":
      return void world.connect(device, true);
    case "leave":
      return world.leave("closed", device);
    case "tell":
      return world.tell();
    case "commit":
      return world.commit();
    case "part":
      return world.commit(1 + pick % 3);
    case "hand": {
      const before = world.handed.length;
      world.hand();
      seen.push(...world.handed.slice(before).map(({ command }) => command));
      return;
    }
    case "work":
      return world.work();
    case "flow":
      for (const next of ["commit", "hand", "work", "commit"] as const) play(world, seen, { what: next, pick });
      return;
    case "refuse":
      return world.work(false);
    case "late":
      return world.workLate();
    case "answer":
    case "nack": {
      const command = seen[pick % Math.max(1, seen.length)];
      return command === undefined ? undefined : void world.answer(command, what === "nack");
    }
    case "pass":
      return world.pass(pick * 20);
    case "crash":
      seen.length = 0;
      return world.crash();
  }
}

describe("commands", () => {
  test("are never written twice, and every one that was accepted ends once", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const world = new CommandWorld({ commandsPerDevice: 4, commandAttempts: 3 });
        const seen: Command[] = [];
        for (const step of run) {
          play(world, seen, step);
          expect(world.check()).toEqual([]);
        }
        for (let i = 0; i < 20; i++) {
          world.settle();
          world.pass(60_000);
        }
        world.settle();
        expect(world.check()).toEqual([]);
        for (const id of new Set(world.accepted)) expect([id, world.disk.has(id)]).toEqual([id, true]);
        for (const [id, { states }] of world.disk) expect([id, states.filter(isEnd).length]).toEqual([id, 1]);
        world.pass(1_000_000);
        expect(world.book.isQuiet).toBe(true);
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  test("with one key are one row, as long as it is remembered", () => {
    fc.assert(
      fc.property(steps, (run) => {
        const world = new CommandWorld({ commandKeyMs: 600_000 });
        const seen: Command[] = [];
        for (const step of run) if (step.what !== "crash") play(world, seen, { ...step, pick: step.pick % 40 });
        world.settle();
        const names = [...world.disk.values()].filter(({ submission }) => submission.key !== "").map(({ submission }) =>
          `${submission.device} ${submission.key}`
        );
        expect(names.length).toBe(new Set(names).size);
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});
