/**
 * The whole gateway's cores and the parts of its threads, in a world made from one seed: network, disk, clock, devices,
 * subscribers, and everything that may go wrong with them. I1-I4 and I7-I12 are checked as it goes.
 *
 *   BERTH_SIM_SEEDS   how many seeds (1,000; 200 on Deno)      BERTH_SIM_FIRST   the first one (1)
 */
import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { here } from "../support/here.ts";
import { hunt, plansFrom, Tally } from "../support/sim/hunt.ts";
import { planOf, STEPS } from "../support/sim/plan.ts";

const SEEDS = Number(process.env["BERTH_SIM_SEEDS"] ?? ("Bun" in globalThis ? 1000 : 200));
const FIRST = Number(process.env["BERTH_SIM_FIRST"] ?? 1);
const CHAPTER = 100;

const tally = new Tally();
const regressions = here.readText(fileURLToPath(import.meta.resolve("./seeds.txt"))).split("\n")
  .map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "").map(Number);

test("seeds that found something once find nothing", async () => {
  await hunt(regressions.map((seed) => planOf(seed)), new Tally());
}, 60_000);

for (let first = FIRST; first < FIRST + SEEDS; first += CHAPTER) {
  const count = Math.min(CHAPTER, FIRST + SEEDS - first);
  test(`invariants hold for seeds ${first} to ${first + count - 1}`, async () => {
    await hunt(plansFrom(first, count), tally);
  }, 60_000);
}

test("the seeds went through everything", () => {
  expect(tally.steps).toBe(SEEDS * STEPS);
  expect(Object.entries(tally.reached).filter(([, count]) => count < SEEDS / 100)).toEqual([]);
});
