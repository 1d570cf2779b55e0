/**
 * Where one device was in a range of time: fixes in the order of their times, each record once however it came, and never more
 * than a bound. Read from REST, joined by what the stream brings meanwhile. Pure; owned by the page.
 */
import type { StoredJson } from "../../schema.ts";
import { FUTURE_MS } from "./fleet.ts";
import { type Timed, Timeline } from "./timeline.ts";
import { type Box, emptyBox, extend, latOf, worldX, worldY } from "./world.ts";

export interface Point extends Timed {
  readonly x: number;
  readonly y: number;
  readonly speed: number;
  readonly angle: number;
}

/** `latestMs`: so much up to the newest record, going on with it; null: `from` and `to` stand. */
export interface Range {
  readonly latestMs: number | null;
  readonly from: number;
  readonly to: number;
}

/** The end of a range that has none. */
export const NO_END = Number.MAX_SAFE_INTEGER;
/** Two fixes further apart in time belong to two drives: the export draws the line there too. */
const BREAK_MS = 600_000;
/** And no vehicle goes faster: something else happened between them. */
const BREAK_KMH = 1000;
const EARTH_KM = 40_075;
const HOUR_MS = 3_600_000;

/** Nothing is known of the way from one to the next. */
export function isBreak(from: Point, to: Point): boolean {
  const ms = to.time - from.time;
  if (ms > BREAK_MS) return true;
  const km = Math.hypot(to.x - from.x, to.y - from.y) * EARTH_KM * Math.cos((latOf(to.y) * Math.PI) / 180);
  // A place is known to some metres only.
  return km > 1 && km > (BREAK_KMH * ms) / HOUR_MS;
}

const isFix = ({ satellites, lat, lon }: StoredJson): boolean => satellites > 0 && Math.abs(lat) <= 90 && Math.abs(lon) <= 180;

export class Track {
  readonly range: Range;
  /** The oldest were left out, for there were too many. */
  isCut: boolean;
  /** Changes with every record. */
  version = 0;
  readonly #fixes = new Timeline<Point>();
  /** Records that are no fix. */
  readonly #blanks = new Timeline<Timed>();
  readonly #most: number;
  #newest = -Infinity;

  constructor(range: Range, most: number, isCut = false) {
    this.range = range;
    this.#most = most;
    this.isCut = isCut;
  }

  /** Oldest first. */
  get points(): readonly Point[] {
    return this.#fixes.items;
  }
  get withoutFix(): number {
    return this.#blanks.items.length;
  }
  /** Records of the range, fixes or not. */
  get records(): number {
    return this.points.length + this.withoutFix;
  }

  /** When it begins: what is older is not shown. */
  get from(): number {
    const { latestMs, from } = this.range;
    return latestMs === null ? from : Math.max(from, this.#newest - latestMs);
  }

  /** False: it was known, or is none of the range. A clock that runs far ahead must not end the range for all others. */
  add(record: StoredJson): boolean {
    const { seq, time, receivedAt, speed, angle } = record;
    if (time < this.from || time > this.range.to || time > receivedAt + FUTURE_MS) return false;
    const isNew = isFix(record)
      ? this.#fixes.add({ seq, time, x: worldX(record.lon), y: worldY(record.lat), speed, angle })
      : this.#blanks.add({ seq, time });
    if (!isNew) return false;
    this.#newest = Math.max(this.#newest, time);
    this.version++;
    for (const line of [this.#fixes, this.#blanks]) {
      line.dropBefore(this.from);
      if (line.keep(this.#most)) this.isCut = true;
    }
    return true;
  }

  /** Of the point nearest to this time; -1: there is none. */
  nearest(time: number): number {
    return this.#fixes.nearest(time);
  }

  box(): Box {
    const box = emptyBox();
    for (const { x, y } of this.points) extend(box, x, y);
    return box;
  }
}
