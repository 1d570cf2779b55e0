/** The last places of one device, in world units: a ring of fixed size. Pure; owned by the page. */

/** Enough to see where a vehicle came from; 1 KiB a device. */
const PLACES = 64;

export class Trail {
  readonly #xy = new Float64Array(PLACES * 2);
  #count = 0;
  /** When the newest place was recorded, ms. */
  newest = -1;

  get length(): number {
    return Math.min(this.#count, PLACES);
  }

  /** A place recorded before the newest, or where the device still is, adds nothing. */
  push(x: number, y: number, time: number): void {
    if (time <= this.newest) return;
    this.newest = time;
    if (this.#count > 0 && x === this.x(this.length - 1) && y === this.y(this.length - 1)) return;
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
