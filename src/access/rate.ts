/**
 * How often somebody asks: a bucket each, which fills by the second up to what may be asked at once. A table of bounded size; who
 * was quiet for longest is forgotten, and begins again with a full bucket. Pure; owned by an http thread.
 */
const SECOND_MS = 1000;

interface Bucket {
  left: number;
  at: number;
}

export class AskRate {
  readonly #perMs: number;
  readonly #most: number;
  readonly #keys: number;
  /** Who was quiet for longest is first. */
  readonly #buckets = new Map<string, Bucket>();

  /** `burstSeconds`: how many seconds' worth may be asked at once. `keys`: how many are known at a time. */
  constructor(perSecond: number, burstSeconds: number, keys: number) {
    this.#perMs = perSecond / SECOND_MS;
    this.#most = perSecond * burstSeconds;
    this.#keys = keys;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** One more at `now`, ms of any clock. Seconds to wait when it is one too many, else 0. */
  asks(key: string, now: number): number {
    const known = this.#buckets.get(key);
    const bucket = known ?? { left: this.#most, at: now };
    if (known !== undefined) this.#buckets.delete(key);
    else if (this.#buckets.size >= this.#keys) this.#forgetQuietest();
    this.#buckets.set(key, bucket);
    bucket.left = Math.min(this.#most, bucket.left + (now - bucket.at) * this.#perMs);
    bucket.at = now;
    if (bucket.left < 1) return Math.ceil((1 - bucket.left) / this.#perMs / SECOND_MS);
    bucket.left--;
    return 0;
  }

  #forgetQuietest(): void {
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key);
      return;
    }
  }
}
