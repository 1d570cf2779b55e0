/**
 * The book of configurations: the newest version of each device, and what the device has said of it. Pure: time is an argument;
 * what is to be kept is taken out of `changes`. Registry thread.
 *
 * Versions of a device rise by one with every put, from 1, and over restarts, as the newest is restored from the disk. A device never
 * goes back: what it says of a version older than the one it has applied is refused.
 */
import type { DeviceId } from "../base/brand.ts";
import { Deque } from "../base/deque.ts";
import type { Limits } from "../base/limits.ts";
import type { ConfigState } from "../wire/config_push.ts";

export type ConfigBookLimits = Pick<Limits, "configVersions" | "configChanges" | "configPendingBytes">;

/** Who waits to hear that a change is on disk. */
export interface ConfigWaiter {
  readonly ring: number;
  readonly request: number;
}

/** A change of one version's row, in the order in which they came about. */
export interface ConfigChange {
  readonly device: DeviceId;
  readonly version: number;
  /** `pending` makes the row. */
  readonly state: ConfigState;
  /** JSON, of a row that is made; else "". */
  readonly value: string;
  /** Of the connection that said so, or 0. */
  readonly fence: number;
  readonly reason: string;
  /** Wall ms. */
  readonly at: number;
  readonly waiter: ConfigWaiter | null;
}

/** What the disk has of a device's configuration. */
export interface KeptConfig {
  readonly device: DeviceId;
  readonly version: number;
  readonly value: string;
  readonly applied: number | null;
  readonly failed: number | null;
}

export interface Report {
  readonly device: DeviceId;
  readonly version: number;
  readonly isApplied: boolean;
  readonly fence: number;
  readonly reason: string;
}

/** `same`: it was said before. `stale`: the device has applied that version or a newer one. */
export type Reported = "accepted" | "same" | "unknown_version" | "stale" | "full";

interface Standing {
  version: number;
  applied: number;
  failed: number;
  /** Of the newest version while it is pending and carried by us; else null. */
  value: string | null;
}

export class ConfigBook {
  readonly changes = new Deque<ConfigChange>();
  readonly #limits: ConfigBookLimits;
  readonly #carries: (value: string) => boolean;
  readonly #devices = new Map<DeviceId, Standing>();
  /** Changes that are not on disk. */
  #open = 0;
  #valueBytes = 0;

  /** `carries`: is this a value that the gateway brings to the device by itself? */
  constructor(limits: ConfigBookLimits, carries: (value: string) => boolean) {
    this.#limits = limits;
    this.#carries = carries;
  }

  /** Of an earlier process. */
  restore({ device, version, value, applied, failed }: KeptConfig): void {
    const standing = { version, applied: applied ?? 0, failed: failed ?? 0, value: null };
    this.#devices.set(device, standing);
    if (isPending(standing)) this.#hold(standing, value);
  }

  /** The version made, or null when there is no room for it now. */
  put(device: DeviceId, value: string, waiter: ConfigWaiter, at: number): number | null {
    if (this.#isFull || this.#valueBytes + value.length > this.#limits.configPendingBytes) return null;
    let standing = this.#devices.get(device);
    if (standing === undefined) this.#devices.set(device, standing = { version: 0, applied: 0, failed: 0, value: null });
    standing.version++;
    this.#hold(standing, value);
    this.#change({ device, version: standing.version, state: "pending", value, fence: 0, reason: "", at, waiter });
    return standing.version;
  }

  report({ device, version, isApplied, fence, reason }: Report, waiter: ConfigWaiter | null, at: number): Reported {
    const standing = this.#devices.get(device);
    if (standing === undefined || version > standing.version || version <= standing.version - this.#limits.configVersions) {
      return "unknown_version";
    }
    const { applied, failed } = standing;
    if (version === (isApplied ? applied : failed)) return "same";
    if (version <= applied || (!isApplied && version < failed)) return "stale";
    if (this.#isFull && waiter !== null) return "full";
    if (isApplied) {
      standing.applied = version;
      if (failed === version) standing.failed = 0;
    } else standing.failed = version;
    if (!isPending(standing)) this.#hold(standing, null);
    this.#change({ device, version, state: isApplied ? "applied" : "failed", value: "", fence, reason, at, waiter });
    return "accepted";
  }

  /** A change is on disk. */
  kept(): void {
    this.#open--;
  }

  /** The newest version of the device, while it is pending and the gateway brings it there by itself. */
  carried(device: DeviceId): { readonly version: number; readonly value: string } | null {
    const standing = this.#devices.get(device);
    return standing === undefined || standing.value === null ? null : { version: standing.version, value: standing.value };
  }

  get #isFull(): boolean {
    return this.#open >= this.#limits.configChanges;
  }

  #hold(standing: Standing, value: string | null): void {
    this.#valueBytes -= standing.value?.length ?? 0;
    standing.value = value !== null && this.#carries(value) ? value : null;
    this.#valueBytes += standing.value?.length ?? 0;
  }

  #change(change: ConfigChange): void {
    this.#open++;
    this.changes.push(change);
  }
}

const isPending = ({ version, applied, failed }: Standing): boolean => version > Math.max(applied, failed);
