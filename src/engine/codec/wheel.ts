/**
 * One deadline per connection slot, in a wheel of buckets: arming, moving and cancelling cost a few words. A deadline may be
 * put off without moving it (a connection that is busy does so with every read); it moves when its bucket comes round.
 * The further away, the rounder the tick a deadline is looked at first: so those of a silent fleet wait in few buckets, and
 * `dueAt` says how long nothing need be looked at. Owned by the codec worker.
 */
const BUCKETS = 1024;
const NONE = -1;

export class TimerWheel {
  readonly #tickMs: number;
  readonly #heads = new Int32Array(BUCKETS).fill(NONE);
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Bucket a slot is in, or NONE. */
  readonly #bucket: Int32Array;
  readonly #deadlines: Float64Array;
  /** Ticks of which the buckets have been looked at. */
  #tick: number;
  /** No bucket before this tick holds anything. */
  #soonest = Infinity;

  constructor(slots: number, tickMs: number, now: number) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(now / tickMs);
    this.#next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
    this.#bucket = new Int32Array(slots).fill(NONE);
    this.#deadlines = new Float64Array(slots);
  }

  /** Sets the deadline of a slot, whether it had one or not. */
  arm(slot: number, deadline: number): void {
    this.cancel(slot);
    this.#deadlines[slot] = deadline;
    this.#insert(slot);
  }

  /** Puts the deadline of an armed slot off. Cheap; must not be earlier than the present one. */
  putOff(slot: number, deadline: number): void {
    this.#deadlines[slot] = deadline;
  }

  cancel(slot: number): void {
    const bucket = this.#bucket[slot]!;
    if (bucket === NONE) return;
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (previous === NONE) this.#heads[bucket] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#bucket[slot] = NONE;
  }

  /** Before this time `advance` would do nothing; Infinity: nothing is armed. */
  get dueAt(): number {
    const last = this.#tick + BUCKETS;
    let tick = Math.max(this.#soonest, this.#tick + 1);
    while (tick < last && this.#heads[tick & (BUCKETS - 1)] === NONE) tick++;
    this.#soonest = tick < last ? tick : Infinity;
    return this.#soonest * this.#tickMs;
  }

  /** Calls `due` for every slot whose deadline has passed, disarmed first. It may arm and cancel any slot. */
  advance(now: number, due: (slot: number) => void): void {
    const tick = Math.floor(now / this.#tickMs);
    // After a long stop one look at each bucket is enough.
    if (tick - this.#tick > BUCKETS) this.#tick = tick - BUCKETS;
    while (this.#tick < tick) {
      this.#tick++;
      const bucket = this.#tick & (BUCKETS - 1);
      // What is not due goes into a later bucket, so that the list shrinks to its end.
      for (let slot = this.#heads[bucket]!; slot !== NONE; slot = this.#heads[bucket]!) {
        this.cancel(slot);
        if (this.#deadlines[slot]! <= now) due(slot);
        else this.#insert(slot);
      }
    }
  }

  #insert(slot: number): void {
    const ticks = Math.ceil(this.#deadlines[slot]! / this.#tickMs) - this.#tick;
    const away = Math.min(Math.max(ticks, 1), BUCKETS - 1);
    // Rounded down to the largest power of two that is no more than it is away: later than now in any case.
    const grain = 1 << (31 - Math.clz32(away));
    const tick = Math.floor((this.#tick + away) / grain) * grain;
    this.#soonest = Math.min(this.#soonest, tick);
    const bucket = tick & (BUCKETS - 1);
    const head = this.#heads[bucket]!;
    this.#next[slot] = head;
    this.#previous[slot] = NONE;
    if (head !== NONE) this.#previous[head] = slot;
    this.#heads[bucket] = slot;
    this.#bucket[slot] = bucket;
  }
}
