/**
 * When the page draws: at the next animation frame after something was touched, and at most every DATA_MS when only data
 * came in; besides once a second, as times pass. Thousands of events a second cost as many drawings as one. Owned by the page.
 */

const DATA_MS = 80;
const SECOND_MS = 1000;

export class FrameClock {
  readonly #draw: (now: number) => void;
  #drawnAt = -Infinity;
  #frame: number | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(draw: (now: number) => void) {
    this.#draw = draw;
  }

  start(): void {
    setInterval(() => this.touched(), SECOND_MS);
    this.touched();
  }

  /** The reader did something. */
  touched(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#frame ??= requestAnimationFrame((now) => {
      this.#frame = null;
      this.#drawnAt = now;
      this.#draw(Date.now());
    });
  }

  /** Data came in. */
  changed(): void {
    if (this.#frame !== null || this.#timer !== null) return;
    const wait = this.#drawnAt + DATA_MS - performance.now();
    if (wait <= 0) this.touched();
    else this.#timer = setTimeout(() => this.touched(), wait);
  }
}
