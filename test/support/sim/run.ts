/** Runs one plan in a world of its own, start to end. A failure is a value: what broke, where, and what had happened. */
import { act } from "./acts.ts";
import type { Plan } from "./plan.ts";
import { microtasks, settle } from "./settle.ts";
import { Violation } from "./violation.ts";
import { World, type WorldOptions } from "./world.ts";

export interface Failure {
  readonly violation: Violation;
  /** How many steps had been taken. */
  readonly step: number;
  readonly notes: readonly string[];
}

export interface Run {
  readonly failure: Failure | null;
  readonly world: World;
}

export async function run(plan: Plan, options: WorldOptions = {}): Promise<Run> {
  const world = new World(plan, options);
  const real = globalThis.setImmediate;
  // A worker publishes at the end of its turn of the event loop: here too, when the schedule says.
  globalThis.setImmediate = ((call: () => void) => {
    const thread = world.life?.busy.at(-1);
    // Whatever another test has left running is none of this world.
    if (thread === undefined) real(call);
    else world.immediates.push({ thread, run: call });
  }) as unknown as typeof setImmediate;
  let step = 0;
  try {
    world.perform(() => world.start(), true);
    for (; step < plan.steps.length; step++) {
      act(world, plan.steps[step]!);
      await microtasks();
    }
    await settle(world);
    return { failure: null, world };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { failure: { violation: error, step, notes: world.notes }, world };
  } finally {
    if (world.life !== null) world.life.http.gone = true;
    globalThis.setImmediate = real;
    world.disk.raw.close();
  }
}
