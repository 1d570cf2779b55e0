/**
 * Has what a thread's work left behind collected once the thread has nothing to do, and has it give back what it can do without. A runtime collects by how much the heap
 * has grown beside what it holds, and it counts the rings, which all threads share, as held by each: a thread that
 * blocks on its bell would let 200 MB of garbage pile up first, and under load gigabytes. Owned by the thread.
 */
import type { Limits } from "../base/limits.ts";
import type { Discard } from "../platform/memory.ts";
import type { Platform } from "../platform/port.ts";

type Needs = Pick<Platform, "clock" | "collect" | "collectYoung" | "residentBytes" | "discard">;

/**
 * After so many arrivals what was needed for them is collected. What stays of each would else lie scattered among what does not,
 * and hold the memory of both.
 */
const ARRIVALS = 1000;
/** Nothing to do for this long: a collection then makes nobody wait. */
const QUIET_MS = 1000;
/** Fewer turns and arrivals than these leave nothing behind that is worth a collection: a tracker now and then is no reason. */
const TURNS = 256;
/** Unless the process has grown by this meanwhile. */
const GROWN_BYTES = 8 * 1024 * 1024;
/** How often a thread with work asks whether the process has grown. */
const LOOK_MS = 500;
/** After so many times that much growth young garbage cannot be all: then everything is collected, which takes longer. */
const OLD_PART = 4;

export class Leftovers {
  readonly #platform: Needs;
  readonly #giveBack: (discard: Discard) => void;
  readonly #limits: Pick<Limits, "collectMs" | "collectBytes">;
  #worked = true;
  #quietSince = -1;
  #collectedAt: number;
  /** And arrivals, since then; the start is worth one. */
  #turns = TURNS;
  #restingBytes = Infinity;
  #arrivals = 0;
  #lookAt = 0;
  /** Of the process, the least since this thread's last collection. */
  #residentBytes = Infinity;
  /** The same since its last collection of everything. */
  #leastBytes = Infinity;

  /** `giveBack`: what the thread can do without then, beside garbage. */
  constructor(platform: Needs, limits: Pick<Limits, "collectMs" | "collectBytes">, giveBack: (discard: Discard) => void = () => {}) {
    this.#platform = platform;
    this.#giveBack = giveBack;
    this.#limits = limits;
    this.#collectedAt = platform.clock.mono();
  }

  /** A turn of the loop did something. `arrivals`: of which something stays, as of a login. */
  worked(arrivals = 0): void {
    this.#worked = true;
    this.#quietSince = -1;
    this.#turns += 1 + arrivals;
    this.#arrivals += arrivals;
    this.#look();
    if (this.#arrivals < ARRIVALS) return;
    this.#arrivals = 0;
    this.#platform.collectYoung();
  }

  /** The same, and something large is held no more: worth a collection, however little work it was. */
  letGo(): void {
    this.#turns += TURNS;
    this.worked();
  }

  /** A turn of the loop found nothing to do. */
  idle(): void {
    if (!this.#worked) return;
    const now = this.#platform.clock.mono();
    if (this.#quietSince < 0) this.#quietSince = now;
    if (now - this.#quietSince < QUIET_MS || now - this.#collectedAt < this.#limits.collectMs) return;
    this.#worked = false;
    if (this.#turns < TURNS && this.#platform.residentBytes() - this.#restingBytes < GROWN_BYTES) return;
    this.#giveBack(this.#platform.discard);
    this.#platform.collect();
    this.#turns = 0;
    this.#restingBytes = this.#platform.residentBytes();
    this.#collectedAt = now;
  }

  /** A thread that never rests collects when the process has grown by much, whoever made it grow. */
  #look(): void {
    const now = this.#platform.clock.mono();
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    const bytes = this.#platform.residentBytes();
    this.#leastBytes = Math.min(this.#leastBytes, bytes);
    if (bytes - this.#residentBytes < this.#limits.collectBytes) {
      this.#residentBytes = Math.min(this.#residentBytes, bytes);
      return;
    }
    const isOld = bytes - this.#leastBytes >= OLD_PART * this.#limits.collectBytes;
    if (isOld) this.#platform.collect();
    else this.#platform.collectYoung();
    this.#residentBytes = this.#platform.residentBytes();
    if (isOld) this.#leastBytes = this.#residentBytes;
  }
}
