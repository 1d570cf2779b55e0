/**
 * What one seed does: the shape of its world, the kinds of faults it has, and its steps. A step carries all the chance it
 * needs, so that leaving one out does not change the others: that is what makes a failure shrink.
 */
import { type Prng, prng } from "../../../src/base/prng.ts";

/** Kinds of trouble; each seed has a subset of its own. */
export const FAULTS = [
  "fragments",
  "resets",
  "half_open",
  "stuck",
  "mute",
  "clones",
  "kicks",
  "crashes",
  "failing_disk",
  "slow_disk",
  "clock_steps",
  "stops",
  "preempt",
  "laggards",
  "retention",
  "regroup",
  "bad_frames",
  "storms",
  "policies",
  "drains",
  "holds",
  "strangers",
  "commands",
] as const;
export type Fault = (typeof FAULTS)[number];

export type Act =
  | "deliver"
  | "device"
  | "codec"
  | "publish"
  | "registry"
  | "journal"
  | "upkeep"
  | "sync"
  | "http"
  | "read"
  | "ask"
  | "time"
  | "reset"
  | "cut"
  | "stick"
  | "kick"
  | "crash"
  | "crash_writing"
  | "fail_disk"
  | "fail_sync"
  | "step_clock"
  | "stop"
  | "lag"
  | "trim"
  | "storm"
  | "policy"
  | "drain"
  | "stranger"
  | "command";

export interface Step {
  readonly act: Act;
  readonly roll: number;
}

/** How large the world is and how near its bounds are. */
export interface Shape {
  readonly devices: number;
  readonly workers: number;
  readonly subscribers: number;
  readonly tinyRings: boolean;
  readonly fewFences: boolean;
  /** Hardly more connections are allowed than there are devices. */
  readonly crowded: boolean;
  readonly tinyCommits: boolean;
  /** Syncs are left to the sync thread. */
  readonly overlaps: boolean;
  /** Of every device, to begin with. */
  readonly policy: string;
  /** What is done about conflicts, with the fault of that name. */
  readonly contested: "hold" | "quarantine";
  /** The gateway's own identity is below those of the devices, or above. */
  readonly small: boolean;
}

export interface Plan {
  readonly seed: number;
  readonly shape: Shape;
  readonly faults: ReadonlySet<Fault>;
  readonly steps: readonly Step[];
}

export const STEPS = 400;
export const POLICIES = ["takeover", "reject", "initiator", "recent", "multi(1)", "multi(2)", "multi(3)"] as const;
/** The most connections any of them lets a device have. */
export const MOST_OWNERS = 3;

const ALWAYS: readonly (readonly [Act, number])[] = [
  ["deliver", 300],
  ["device", 150],
  ["codec", 90],
  ["publish", 100],
  ["registry", 90],
  ["journal", 90],
  ["upkeep", 20],
  ["sync", 30],
  ["http", 50],
  ["read", 40],
  ["ask", 6],
  ["time", 40],
];

/** The acts a fault brings along; the others only change how acts are done. */
const BROUGHT: Partial<Record<Fault, readonly (readonly [Act, number])[]>> = {
  resets: [["reset", 12]],
  half_open: [["cut", 12]],
  stuck: [["stick", 12]],
  kicks: [["kick", 10]],
  crashes: [["crash", 4], ["crash_writing", 5]],
  failing_disk: [["fail_disk", 14], ["fail_sync", 2]],
  clock_steps: [["step_clock", 8]],
  stops: [["stop", 4]],
  laggards: [["lag", 8]],
  retention: [["trim", 8]],
  storms: [["storm", 6]],
  policies: [["policy", 8]],
  drains: [["drain", 8]],
  strangers: [["stranger", 12]],
  commands: [["command", 16]],
};

export function planOf(seed: number, steps = STEPS): Plan {
  const random = prng(seed);
  const faults = new Set(FAULTS.filter(() => random.chance(0.4)));
  const shape: Shape = {
    devices: 1 + random.below(4),
    workers: 1 + random.below(3),
    subscribers: random.below(3),
    tinyRings: random.chance(0.5),
    fewFences: random.chance(0.3),
    crowded: random.chance(0.3),
    tinyCommits: random.chance(0.4),
    overlaps: random.chance(0.6),
    policy: random.chance(0.5) ? "takeover" : random.pick(POLICIES),
    contested: random.pick(["hold", "quarantine"] as const),
    small: random.chance(0.5),
  };
  return { seed, shape, faults, steps: stepsOf(random, faults, steps) };
}

function stepsOf(random: Prng, faults: ReadonlySet<Fault>, count: number): Step[] {
  const table = [...ALWAYS, ...[...faults].flatMap((fault) => BROUGHT[fault] ?? [])];
  const total = table.reduce((sum, [, weight]) => sum + weight, 0);
  return Array.from({ length: count }, () => {
    let dice = random.below(total);
    let at = 0;
    while (dice >= table[at]![1]) dice -= table[at++]![1];
    return { act: table[at]![0], roll: random.u32() };
  });
}

/** The plan without a fault: neither its acts nor what it does to others. */
export function without(plan: Plan, fault: Fault): Plan {
  const acts = new Set((BROUGHT[fault] ?? []).map(([act]) => act));
  return {
    ...plan,
    faults: new Set([...plan.faults].filter((one) => one !== fault)),
    steps: plan.steps.filter(({ act }) => !acts.has(act)),
  };
}
