/**
 * The times for which a device may have stored records: at most a few intervals, sorted and apart. Pure; the journal
 * keeps one per device. A frame outside all of them is new without a query; inside one, it must be compared.
 * Intervals only ever grow and join, so a wrong answer can cost compares but never a record.
 */
const PAIR = 2;
const INITIAL = 4;
/** Of every device that has not sent a record: a fleet may be large and mostly silent. Nothing is written into it. */
const NOTHING = new Float64Array(0);

export class Coverage {
  /** start, end, start, end … (ms, inclusive). */
  #bounds = NOTHING;
  #used = 0;
  /** Greatest record time that was not in the future when it came. */
  newest = 0;

  get intervals(): number {
    return this.#used / PAIR;
  }

  /** May a record with a time in [min, max] be stored? */
  overlaps(min: number, max: number): boolean {
    const bounds = this.#bounds;
    for (let i = this.#used - PAIR; i >= 0; i -= PAIR) {
      if (bounds[i + 1]! < min) return false;
      if (bounds[i]! <= max) return true;
    }
    return false;
  }

  /** Adds [min, max], joining what is nearer than `gapMs`. Beyond `most` intervals the two nearest join: returns how many did. */
  add(min: number, max: number, gapMs: number, most: number): number {
    const bounds = this.#bounds;
    let from = this.#used;
    while (from > 0 && bounds[from - 1]! + gapMs >= min) from -= PAIR;
    let to = from;
    let start = min;
    let end = max;
    while (to < this.#used && bounds[to]! <= max + gapMs) {
      if (bounds[to]! < start) start = bounds[to]!;
      if (bounds[to + 1]! > end) end = bounds[to + 1]!;
      to += PAIR;
    }
    this.#splice(from, to, start, end);
    let joins = 0;
    while (this.intervals > most) {
      this.#joinNearest();
      joins++;
    }
    return joins;
  }

  /** Null: of a device without records. */
  copyFrom(other: Coverage | null): void {
    this.newest = other?.newest ?? 0;
    if (other === null) {
      this.#used = 0;
      return;
    }
    if (this.#bounds.length < other.#used) this.#bounds = new Float64Array(other.#bounds.length);
    for (let i = 0; i < other.#used; i++) this.#bounds[i] = other.#bounds[i]!;
    this.#used = other.#used;
  }

  /** Bytes for a device row. */
  encode(): Uint8Array {
    return new Uint8Array(this.#bounds.slice(0, this.#used).buffer);
  }

  decode(bytes: Uint8Array): void {
    this.#bounds = new Float64Array(bytes.slice().buffer);
    this.#used = this.#bounds.length;
  }

  /** For tests and people: [start, end] pairs. */
  pairs(): [number, number][] {
    const pairs: [number, number][] = [];
    for (let i = 0; i < this.#used; i += PAIR) pairs.push([this.#bounds[i]!, this.#bounds[i + 1]!]);
    return pairs;
  }

  /** Puts [start, end] in place of the bounds [from, to). */
  #splice(from: number, to: number, start: number, end: number): void {
    if (to === from) {
      if (this.#used + PAIR > this.#bounds.length) {
        const next = new Float64Array(Math.max(INITIAL, this.#bounds.length * 2));
        next.set(this.#bounds);
        this.#bounds = next;
      }
      this.#bounds.copyWithin(from + PAIR, from, this.#used);
      this.#used += PAIR;
    } else if (to > from + PAIR) {
      this.#bounds.copyWithin(from + PAIR, to, this.#used);
      this.#used -= to - from - PAIR;
    }
    this.#bounds[from] = start;
    this.#bounds[from + 1] = end;
  }

  #joinNearest(): void {
    const bounds = this.#bounds;
    let nearest = 0;
    let least = Infinity;
    for (let i = 0; i + PAIR < this.#used; i += PAIR) {
      const gap = bounds[i + PAIR]! - bounds[i + 1]!;
      if (gap < least) {
        least = gap;
        nearest = i;
      }
    }
    this.#splice(nearest, nearest + 2 * PAIR, bounds[nearest]!, bounds[nearest + PAIR + 1]!);
  }
}
