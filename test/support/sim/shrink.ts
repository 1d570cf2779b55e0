/** Makes a failure small: leaves out faults, then steps, as long as the same invariant breaks. */
import type { Plan, Step } from "./plan.ts";
import { without } from "./plan.ts";
import { type Failure, run } from "./run.ts";
import type { WorldOptions } from "./world.ts";

export interface Shrunk {
  readonly plan: Plan;
  readonly failure: Failure;
}

/** Worlds made for one failure, at most. */
const TRIES = 600;

export async function shrink(plan: Plan, failure: Failure, options: WorldOptions): Promise<Shrunk> {
  let best: Shrunk = { plan: { ...plan, steps: plan.steps.slice(0, failure.step + 1) }, failure };
  let tries = TRIES;
  const attempt = async (smaller: Plan): Promise<boolean> => {
    if (tries-- <= 0) return false;
    const { failure: again } = await run(smaller, options);
    if (again === null || again.violation.invariant !== failure.violation.invariant) return false;
    best = { plan: smaller, failure: again };
    return true;
  };
  for (const fault of plan.faults) await attempt(without(best.plan, fault));
  for (let size = best.plan.steps.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.plan.steps.length;) {
      const steps: Step[] = best.plan.steps.toSpliced(at, size);
      if (!await attempt({ ...best.plan, steps })) at += size;
    }
  }
  // Once more, with every word of it.
  const { failure: told } = await run(best.plan, { ...options, trace: true });
  return told === null ? best : { plan: best.plan, failure: told };
}

/** What a person needs: the seed, what broke, and the shortest way there. */
export function tell({ plan, failure }: Shrunk): string {
  const faults = [...plan.faults].join(", ") || "none";
  return [
    `seed ${plan.seed}: ${failure.violation.message}`,
    `shape ${JSON.stringify(plan.shape)}; faults ${faults}; ${plan.steps.length} steps are left:`,
    ...failure.notes,
  ].join("\n");
}
