/** The last places of one device, in world units: a ring of fixed size. Pure; owned by the page. */

/** Enough to see where a vehicle came from; 1.5 KiB a device. */
const PLACES = 96;
/** World units; about 20 m. Places nearer to the one before say nothing new. */
const APART = 5e-7;

export class Trail {
  readonly #xy = new Float64Array(PLACES * 2);
  #count = 0;
  /** When the newest place was recorded, ms. */
  newest = -1;

  get length(): number {
    return Math.min(this.#count, PLACES);
  }

  /** A place recorded before the newest, or where the device about still is, adds nothing. */
  push(x: number, y: number, time: number): void {
    if (time <= this.newest) return;
    this.newest = time;
    const last = this.length - 1;
    if (last >= 0 && Math.hypot(x - this.x(last), y - this.y(last)) < APART) return;
    const at = (this.#count++ % PLACES) * 2;
    this.#xy[at] = x;
    this.#xy[at + 1] = y;
  }

  /** 0 is the oldest. */
  x(index: number): number {
    return this.#xy[this.#at(index)]!;
  }
  y(index: number): number {
    return this.#xy[this.#at(index) + 1]!;
  }

  #at(index: number): number {
    const first = this.#count > PLACES ? this.#count : 0;
    return ((first + index) % PLACES) * 2;
  }
}
