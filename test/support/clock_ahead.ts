/**
 * The clock of the test's thread, which runs ahead when a test says so: what is long due by it is due at once, and a machine that is
 * busy makes nothing else due. For bounds in ms that no test would wait for.
 */
export class ClockAhead {
  readonly #real = performance.now.bind(performance);
  /** Never less than before: it is a clock. */
  aheadMs = 0;

  constructor() {
    performance.now = () => this.#real() + this.aheadMs;
  }

  /** Once nothing runs that has seen it. */
  end(): void {
    performance.now = this.#real;
  }
}
