/** Time as an argument. The platform gives the real one; tests give their own. */
import type { MonoMs, WallMs } from "./brand.ts";

export interface Clock {
  /** Wall clock in ms; for stored times and for people. */
  wall(): WallMs;
  /** Monotonic ms of THIS thread; for deadlines. */
  mono(): MonoMs;
}
