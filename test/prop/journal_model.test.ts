/** The journal against a plain map: any mix of frames, events, failures, restarts and crashes gives the same store. */
import { afterAll, expect, test } from "bun:test";
import { limitsWith } from "../../src/base/limits.ts";
import { here } from "../support/here.ts";
import { JournalStorm } from "../support/journal_storm.ts";
import { newBranches } from "../support/journal_world.ts";

const platform = here;
const dirs: string[] = [];
afterAll(() => dirs.forEach((dir) => platform.removeTree(dir)));

/** Bounds so small that every branch is near. */
const TINY = limitsWith({
  frameRingBytes: 4096,
  ringStartPosition: 0xffff_f000,
  exceptionRingBytes: 4096,
  controlRingBytes: 16_384,
  commitBytes: 4096,
  rowBytes: 1024,
  flushFrames: 64,
  sliceRows: 5,
  sliceBytes: 1024,
  mergeFanIn: 4,
  coverageIntervals: 4,
  pageBytes: 2048,
});

const SEEDS = Number(process.env["BERTH_MODEL_SEEDS"] ?? 6);
const FIRST = Number(process.env["BERTH_MODEL_FIRST"] ?? 1);
const STEPS = 1500;
const branches = newBranches();

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(`journal equals a plain map, seed ${seed}`, () => {
    const dir = platform.temporaryDirectory("berth-model-");
    dirs.push(dir);
    platform.makeDirectory(`${dir}/0`);
    const world = new JournalStorm(seed, `${dir}/0`, TINY, branches, 2 + (seed % 6));
    for (let step = 0; step < STEPS; step++) world.step();
    world.finish();
  }, 60_000);
}

test("the model reached every branch", () => {
  expect(Object.entries(branches).filter(([, count]) => count === 0)).toEqual([]);
});
