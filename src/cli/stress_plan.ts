/** What a stress run does, step by step. Pure: the same seed gives the same steps on every machine. */
import { type Prng, prng } from "../base/prng.ts";

/** Devices of a run; each step is about one of them, the others send meanwhile. */
export const STRESS_DEVICES = 8;
/** Connections of one identity at once: a run stays below 100 descriptors. */
const STORM_MOST = 40;
const TAKEOVERS_MOST = 8;
const FRAMES_MOST = 12;
/** Answers of so many frames stay unread, fewer than a connection may have unanswered. */
const UNREAD_MOST = 60;

/** `weight`: out of the sum of all, how often a step is of this kind. */
const KINDS = {
  storm: { weight: 3, title: "connects of one identity at once" },
  takeover: { weight: 3, title: "takeovers with frames in flight, one after the other" },
  blocked: { weight: 3, title: "device that reads nothing is replaced" },
  stalled: { weight: 2, title: "event consumer that reads nothing" },
  half: { weight: 2, title: "half-close with frames in flight" },
  late: { weight: 2, title: "old connection closes last" },
  torn: { weight: 2, title: "reset in the middle of a frame" },
  again: { weight: 2, title: "acknowledged frames sent again" },
  kick: { weight: 2, title: "kick with frames in flight" },
  kill: { weight: 2, title: "kill -9 of the gateway under load" },
  stop: { weight: 1, title: "SIGTERM of the gateway under load" },
} as const;

export type StressKind = keyof typeof KINDS;
export const STRESS_KINDS = Object.keys(KINDS) as readonly StressKind[];
export const titleOf = (kind: StressKind): string => KINDS[kind].title;

export interface StressStep {
  /** From 1. */
  readonly number: number;
  readonly kind: StressKind;
  /** The device it is about. */
  readonly device: number;
  /** Connections of a storm, takeovers in a row, frames in flight: by the kind. */
  readonly count: number;
}

const WEIGHTED = STRESS_KINDS.flatMap((kind) => Array.from({ length: KINDS[kind].weight }, () => kind));

function countOf(kind: StressKind, random: Prng): number {
  if (kind === "storm") return 2 + random.below(STORM_MOST - 1);
  if (kind === "takeover") return 1 + random.below(TAKEOVERS_MOST);
  if (kind === "blocked") return 1 + random.below(UNREAD_MOST);
  return 1 + random.below(FRAMES_MOST);
}

/** Without end. The first steps take one kind each, in an order of the seed's, so that a short run tries all. */
export function* stressPlan(seed: number): Generator<StressStep, never> {
  const random = prng(seed);
  const first: StressKind[] = [...STRESS_KINDS];
  for (let number = 1;; number++) {
    const kind = first.length > 0 ? first.splice(random.below(first.length), 1)[0]! : random.pick(WEIGHTED);
    yield { number, kind, device: random.below(STRESS_DEVICES), count: countOf(kind, random) };
  }
}

export const stepText = ({ number, kind, device, count }: StressStep): string =>
  `${String(number).padStart(5)}  ${kind.padEnd(9)} device ${device}  count ${count}`;
