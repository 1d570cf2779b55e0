/** A broken invariant, found by the simulation. Its name is that of product.md's table, or of the shell's own promise. */
export type Invariant =
  | "I1 one owner"
  | "I2 fences rise"
  | "I3 no effect of a lower fence"
  | "I4 closed once"
  | "I6 bounded"
  | "I7 no silent gap"
  | "I8 views agree"
  | "I9 shutdown"
  | "I10 explained"
  | "I11 acknowledged is stored"
  | "I12 stored once"
  | "commands"
  | "drained before closed"
  | "comes to rest"
  | "no crash";

export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: Invariant;

  constructor(invariant: Invariant, text: string) {
    super(`${invariant}: ${text}`);
    this.invariant = invariant;
  }
}

export function hold(condition: boolean, invariant: Invariant, text: () => string): asserts condition {
  if (!condition) throw new Violation(invariant, text());
}
