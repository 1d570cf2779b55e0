/** Broken invariants. An AssertionError is a bug of Berth: it is never caught, and ends the process with the role's name. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The same where it runs for every message or record: `if (wrong) broken(…)` makes the text only when it is said. */
export function broken(message: string): never {
  throw new AssertionError(message);
}

/** Makes a `switch` over a union exhaustive at compile time. */
export function assertNever(value: never, what: string): never {
  throw new AssertionError(`Unexpected ${what}: ${JSON.stringify(value)}`);
}
