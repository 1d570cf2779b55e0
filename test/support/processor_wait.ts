/**
 * How long threads waited for a processor, by the kernel's own account: what is taken off a measured time, so that a bound on it is
 * one on the gateway and not on what else the machine does, nor what the machine's host does with its processors meanwhile. Who
 * sleeps or waits for another thread, a socket or a disk does not wait for a processor. Linux; where the kernel does not tell, nobody waited.
 */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

const ms = (nanoseconds: string | undefined): number => Number(nanoseconds ?? 0) / 1e6;

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function waitedOf(pid: number): Map<string, number> {
  const waited = new Map<string, number>();
  for (const thread of threadsOf(pid)) {
    try {
      // Time on a processor, time waiting for one, turns.
      waited.set(thread, ms(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[1]));
    } catch {
      // It has just ended, or the kernel keeps no account.
    }
  }
  return waited;
}

/** Of the first line of /proc/stat: when a host ran something else on a processor that had work here, all processors together. */
const STOLEN = 8;
const TICK_MS = 10;

function stolenMs(): number {
  try {
    return Number(readFileSync("/proc/stat", "utf8").split(/\s+/, STOLEN + 1)[STOLEN] ?? 0) * TICK_MS;
  } catch {
    return 0;
  }
}

/** This process and all it has started, and those that they have: a browser is many. */
function family(): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (Number.isNaN(pid)) continue;
    try {
      // Behind the name, which may have anything in it: state, parent.
      const parent = Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[1]);
      parents.set(pid, parent);
    } catch {
      // It has just ended.
    }
  }
  const ours = (pid: number): boolean => pid === process.pid || (parents.has(pid) && ours(parents.get(pid)!));
  return [...parents.keys()].filter(ours);
}

export interface Timed {
  readonly tookMs: number;
  /** How much of it those who work at it waited for a processor, or stood still on one, at most. */
  readonly starvedMs: number;
}

/** Runs `work`, at which this process and process `pid` work. */
export const timed = (pid: number, work: () => Promise<unknown>): Promise<Timed> => timedOf([pid, process.pid], work);

/** Runs `work`, at which this process and everybody it has started work. */
export const timedByAll = (work: () => Promise<unknown>): Promise<Timed> => timedOf(family(), work);

async function timedOf(pids: readonly number[], work: () => Promise<unknown>): Promise<Timed> {
  const before = pids.map(waitedOf);
  const stolenBefore = stolenMs();
  const began = performance.now();
  await work();
  const tookMs = performance.now() - began;
  const after = pids.map(waitedOf);
  const stolen = stolenMs() - stolenBefore;
  const starvedMs = after.flatMap((threads, i) => [...threads].map(([thread, waited]) => waited - (before[i]!.get(thread) ?? waited)));
  return { tookMs, starvedMs: Math.min(tookMs, starvedMs.reduce((sum, each) => sum + each, stolen)) };
}
