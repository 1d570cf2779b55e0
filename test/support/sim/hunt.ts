/** Runs many seeds and tells the first that fails, made small. */
import { type Plan, planOf } from "./plan.ts";
import { run } from "./run.ts";
import { shrink, tell } from "./shrink.ts";
import type { World, WorldOptions } from "./world.ts";

/** What the seeds went through, so that a test can see that they went through anything. */
export class Tally {
  seeds = 0;
  steps = 0;
  readonly reached = {
    crashes: 0,
    stops: 0,
    commits: 0,
    failedCommits: 0,
    refused: 0,
    connections: 0,
    takeovers: 0,
    acknowledged: 0,
    answeredBehindFin: 0,
    events: 0,
    gaps: 0,
    commands: 0,
    conflicts: 0,
  };

  add(world: World): void {
    this.seeds++;
    this.steps += world.plan.steps.length;
    for (const [name, count] of Object.entries(world.counts)) this.reached[name as keyof World["counts"]] += count;
    this.reached.takeovers += world.watch.takeovers;
    this.reached.conflicts += world.truth.conflicts;
    this.reached.commands += world.truth.commands.ended;
    for (const device of world.devices) {
      this.reached.acknowledged += device.acknowledged;
      this.reached.answeredBehindFin += device.answeredBehindFin;
    }
    for (const consumer of world.consumers) {
      this.reached.events += consumer.events;
      this.reached.gaps += consumer.gaps;
    }
  }
}

/** Throws with the seed and a minimal trace. */
export async function hunt(plans: Iterable<Plan>, tally: Tally, options: WorldOptions = {}): Promise<void> {
  for (const plan of plans) {
    const { failure, world } = await run(plan, options);
    if (failure !== null) throw new Error(tell(await shrink(plan, failure, options)));
    tally.add(world);
  }
}

/** The first seed of a range that fails, or null. */
export async function firstCaught(from: number, count: number, options: WorldOptions): Promise<{ seed: number; invariant: string } | null> {
  for (let seed = from; seed < from + count; seed++) {
    const { failure } = await run(planOf(seed), options);
    if (failure !== null) return { seed, invariant: failure.violation.invariant };
  }
  return null;
}

export function* plansFrom(first: number, count: number): IterableIterator<Plan> {
  for (let seed = first; seed < first + count; seed++) yield planOf(seed);
}
