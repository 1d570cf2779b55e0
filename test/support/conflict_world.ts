/** Takeovers of one device on simulated time, told to a conflict watch: who takes it, and what is heard of the loser. */
import { limitsWith } from "../../src/base/limits.ts";
import { asDeviceId, asFence } from "../../src/base/brand.ts";
import { type Alarm, type ConflictLimits, ConflictWatch, type Held } from "../../src/registry/conflict.ts";
import type { Claim } from "../../src/registry/event.ts";
import { KeptClaim } from "../../src/registry/kept_claim.ts";
import type { Owner } from "../../src/registry/owner.ts";
import type { ConflictAction, ConflictVerdict } from "../../src/wire/control.ts";
import type { Sent } from "../../src/wire/sent.ts";

export interface From {
  readonly address: string;
  readonly clientInstance?: string;
  readonly tls?: string;
  /** What it sends right after its login. */
  readonly sent?: Partial<Sent>;
}

/** Nothing but what a test says. */
export const sentOf = (more: Partial<Sent> = {}): Sent => ({ codec: 0x8e, shape: 0, first: null, newest: null, isSteady: true, ...more });

export const DEVICE = asDeviceId("356307042441013");
/** Wall time is this far ahead of the monotonic one. */
export const WALL = 1_800_000_000_000;

export const claimFrom = ({ address, clientInstance = "", tls = "" }: From, conn: number, device: string = DEVICE, at = WALL): Claim => ({
  type: "claim",
  ring: 0,
  conn,
  device,
  deviceClass: "",
  transport: 0,
  address,
  port: 40_000 + (conn % 20_000),
  clientInstance,
  tls,
  at,
  dialled: false,
});

export class ConflictWorld {
  readonly watch: ConflictWatch;
  now = 1_000_000;
  readonly alarms: { readonly alarm: Alarm; readonly now: number }[] = [];
  readonly #holders = new Map<string, Owner>();
  readonly #sent = new Map<number, Partial<Sent>>();
  #fences = 0;

  constructor(action: ConflictAction = "observe", changes: Partial<ConflictLimits> = {}) {
    this.watch = new ConflictWatch(action, limitsWith(changes));
  }

  pass(ms: number): this {
    this.now += ms;
    this.watch.forget(this.now);
    return this;
  }

  holder(device: string = DEVICE): Owner | null {
    return this.#holders.get(device) ?? null;
  }

  /** The holder leaves by itself. */
  leave(device: string = DEVICE): this {
    this.#holders.delete(device);
    return this;
  }

  /** `from` claims the device and is admitted. Returns the fence that lost it, or null when nobody had it. */
  take(from: From, device: string = DEVICE): number | null {
    const fence = asFence(++this.#fences * 1024);
    const claim = new KeptClaim(claimFrom(from, this.#fences, device, WALL + this.now));
    const owner: Owner = { device: asDeviceId(device), fence, claim, admittedAt: this.now, closing: false, older: null, sent: null };
    const old = this.#holders.get(device) ?? null;
    this.#holders.set(device, owner);
    if (old !== null) this.watch.takeover(old, owner, this.now);
    return old === null ? null : old.fence;
  }

  /** What the connection `fence` has sent so far. */
  sends(fence: number, sent: Partial<Sent>, device: string = DEVICE): void {
    this.#sent.set(fence, sent);
    this.watch.sent(asDeviceId(device), fence, sentOf(sent), WALL + this.now, this.now);
    this.collect();
  }

  /** What became of the connection `fence`; what it has sent is told once more before. */
  hear(fence: number, heard: boolean, device: string = DEVICE): ConflictVerdict | null {
    const sent = this.#sent.get(fence);
    if (sent !== undefined) this.sends(fence, sent, device);
    const verdict = this.watch.afterlife(asDeviceId(device), fence, heard, WALL + this.now, this.now);
    this.collect();
    return verdict;
  }

  /** Claims; the loser is heard (true), silent (false) or nothing is known of it (null). */
  takes(from: From, heard: boolean | null, device: string = DEVICE): ConflictVerdict | null {
    const lost = this.take(from, device);
    const verdict = lost === null || heard === null ? null : this.hear(lost, heard, device);
    if (from.sent !== undefined) this.sends(this.#fences * 1024, from.sent, device);
    return verdict;
  }

  hold(from: From, device: string = DEVICE): Held | null {
    const holder = this.holder(device);
    return holder === null ? null : this.watch.hold(holder, claimFrom(from, 999, device), this.now);
  }

  collect(): void {
    for (let alarm = this.watch.takeDue(); alarm !== null; alarm = this.watch.takeDue()) this.alarms.push({ alarm, now: this.now });
  }
}
