/** The commands of one device: those that wait, the one outstanding, and where they go. Pure data, changed by the book alone. */
import type { DeviceId } from "../base/brand.ts";
import type { Command, Route } from "./command.ts";

/** A command whose answer came too late: the next one waits, so that a late answer never completes it. */
export interface Taint {
  readonly no: number;
  readonly id: string;
  /** Monotonic ms; the connection has been quiet for long enough by then. */
  readonly until: number;
}

export class DeviceQueue {
  readonly device: DeviceId;
  /** The oldest first. */
  readonly waiting: Command[] = [];
  /** The protocol has no correlation id: one at a time. */
  current: Command | null = null;
  route: Route | null;
  taint: Taint | null = null;

  constructor(device: DeviceId, route: Route | null) {
    this.device = device;
    this.route = route;
  }

  get isIdle(): boolean {
    return this.current === null && this.waiting.length === 0 && this.taint === null;
  }

  /** Commands that have not ended. */
  get length(): number {
    return this.waiting.length + (this.current === null ? 0 : 1);
  }
}
