/** The commands of one device: those that wait, the one outstanding, and where they go; and all there are. Pure data, changed by the book alone. */
import { assert } from "../base/assert.ts";
import type { DeviceId } from "../base/brand.ts";
import type { Command, Route } from "./command.ts";

/** A command whose answer may still come: the next one waits, so that a late answer never completes it. */
export interface Taint {
  /** 0: of an earlier process. */
  readonly no: number;
  readonly id: string;
  /** Of the connection it may come on; ANY_FENCE: datagrams, of whatever connection. */
  readonly fence: number;
  /** Monotonic ms; the connection has been quiet for long enough by then. */
  readonly until: number;
}

export const ANY_FENCE = 0;

export class DeviceQueue {
  readonly device: DeviceId;
  /** The oldest first. */
  readonly waiting: Command[] = [];
  /** The protocol has no correlation id: one at a time. */
  current: Command | null = null;
  route: Route | null;
  /** One for a connection at most: nothing more is written there meanwhile. */
  readonly #taints: Taint[] = [];

  constructor(device: DeviceId, route: Route | null) {
    this.device = device;
    this.route = route;
  }

  get isIdle(): boolean {
    return this.current === null && this.waiting.length === 0 && this.#taints.length === 0;
  }

  /** Where the next command goes, unless an answer to another may still come there. */
  get clean(): Route | null {
    const { route } = this;
    return route === null || this.#taints.some(({ fence }) => fence === ANY_FENCE || fence === route.fence) ? null : route;
  }

  get taintedUntil(): number {
    return this.#taints.reduce((least, { until }) => Math.min(least, until), Number.POSITIVE_INFINITY);
  }

  taint(taint: Taint): void {
    this.untaint(({ fence }) => fence === taint.fence);
    this.#taints.push(taint);
  }

  /** The first of those taken away, or null. */
  untaint(isOver: (taint: Taint) => boolean): Taint | null {
    const first = this.#taints.find(isOver) ?? null;
    for (let at = this.#taints.length - 1; at >= 0; at--) if (isOver(this.#taints[at]!)) this.#taints.splice(at, 1);
    return first;
  }

  /** Commands that have not ended. */
  get length(): number {
    return this.waiting.length + (this.current === null ? 0 : 1);
  }
}

export class DeviceQueues {
  readonly #queues = new Map<DeviceId, DeviceQueue>();

  get size(): number {
    return this.#queues.size;
  }

  get(device: DeviceId): DeviceQueue | undefined {
    return this.#queues.get(device);
  }

  /** `route`: of one that is made. */
  open(device: DeviceId, route: Route | null): DeviceQueue {
    let queue = this.#queues.get(device);
    if (queue === undefined) this.#queues.set(device, queue = new DeviceQueue(device, route));
    return queue;
  }

  /** Of a command that has not ended. */
  of({ no, phase, submission }: Command): DeviceQueue {
    const queue = this.#queues.get(submission.device);
    assert(queue !== undefined || phase === "ended", `command ${no} has no queue`);
    return queue!;
  }

  forgetIdle({ isIdle, device }: DeviceQueue): void {
    if (isIdle) this.#queues.delete(device);
  }

  /** Those of which a taint is over at `now`; monotonic ms. */
  cleanAt(now: number): readonly DeviceQueue[] {
    return [...this.#queues.values()].filter(({ taintedUntil }) => taintedUntil <= now);
  }

  /** When the next one is. */
  get nextClean(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { taintedUntil } of this.#queues.values()) next = Math.min(next, taintedUntil);
    return next;
  }
}
