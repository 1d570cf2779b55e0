/**
 * How often each address has done something in this second: sent a datagram, been refused. A table by hash: two addresses in
 * one place share a count, as the bound is a guard and not an account. Owned by the udp thread.
 */
const PLACES = 1 << 14;

export class UdpRate {
  readonly #most: number;
  readonly #counts = new Uint32Array(PLACES);
  #second = Number.NaN;

  constructor(mostPerSecond: number) {
    this.#most = mostPerSecond;
  }

  /** Counts one of `address` at `now` (mono ms); false when it is one too many. */
  admits(address: string, now: number): boolean {
    this.#turn(now);
    return ++this.#counts[placeOf(address)]! <= this.#most;
  }

  /** Would one more be too many? */
  isFull(address: string, now: number): boolean {
    this.#turn(now);
    return this.#counts[placeOf(address)]! >= this.#most;
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#counts.fill(0);
  }
}

/** FNV-1a. */
function placeOf(address: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (PLACES - 1);
}
