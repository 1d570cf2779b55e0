/**
 * The simulation bites: registries that are wrong as those of other servers were are found out within 1,000 seeds. Once
 * with the watch beside the registry, and once blind to it, by what shows outside alone.
 */
import { expect, test } from "bun:test";
import { firstCaught, hunt, Tally } from "../support/sim/hunt.ts";
import { closeBeforeDrain, removeByIdentity, removeByInstance, sharedSubscription } from "../support/sim/mutants.ts";
import { planOf } from "../support/sim/plan.ts";

const MUTANTS = {
  "one subscription object shared by old and new": sharedSubscription,
  "removal by identity": removeByIdentity,
  "removal by instance": removeByInstance,
  "close before drain": closeBeforeDrain,
};
const SEEDS = 1000;

for (const [name, core] of Object.entries(MUTANTS)) {
  for (const blind of [false, true]) {
    test(`a registry with ${name} is caught${blind ? " from outside" : ""}`, async () => {
      const caught = await firstCaught(1, SEEDS, { core, blind });
      expect(caught).not.toBeNull();
    }, 60_000);
  }
}

/** What the durability proofs make a running gateway do: the journal breaks its promises. */
const BROKEN = ["journal.ack_before_commit", "journal.ack_before_sync"];

for (const point of BROKEN) {
  test(`a journal with ${point} is caught`, async () => {
    const caught = await firstCaught(1, SEEDS, { faults: `${point}:fail@1+` });
    expect(caught?.invariant).toBe("I11 acknowledged is stored");
  }, 60_000);
}

test("a failure is told with its seed and the few steps that matter", async () => {
  const options = { core: closeBeforeDrain, blind: true };
  const caught = await firstCaught(1, SEEDS, options);
  const told = await hunt([planOf(caught!.seed)], new Tally(), options).then(() => "", (error: Error) => error.message);
  expect(told).toStartWith(`seed ${caught!.seed}: drained before closed:`);
  const left = Number(/; (\d+) steps are left:/.exec(told)?.[1]);
  expect(left).toBeGreaterThan(3);
  expect(left).toBeLessThan(40);
}, 60_000);

test("the right registry is not caught", async () => {
  expect(await firstCaught(1, 30, { blind: true })).toBeNull();
}, 60_000);
