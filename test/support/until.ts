/** Waiting for conditions, never for time. Everything that waits in a test does it here, with a bound and a name. */

/** Long enough for a machine that is many times as slow as ours; what is right is seen long before. A bound that is the point of a test is its own. */
export const PATIENCE_MS = 30_000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks `check` again and again until it gives a value that is not false, null or undefined. @throws Error naming `what`. */
export async function until<T>(
  what: string,
  check: () => T | false | null | undefined | Promise<T | false | null | undefined>,
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let waitMs = 2;; waitMs = Math.min(waitMs * 2, 50)) {
    const value = await check();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`Cannot see in ${timeoutMs} ms: ${what}`);
    await pause(waitMs);
  }
}

/** A thing that changes: waiters are asked again at each `changed()`, so nothing is polled. */
export class Changes {
  readonly #waiters = new Set<() => void>();

  changed(): void {
    for (const waiter of this.#waiters) waiter();
  }

  /** Resolves with the first value of `check` that is not undefined; what `check` throws, rejects. */
  until<T>(what: string, check: () => T | undefined, timeoutMs = PATIENCE_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter = (): void => {
        try {
          const value = check();
          if (value === undefined) return;
          end();
          resolve(value);
        } catch (error) {
          end();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`Cannot see in ${timeoutMs} ms: ${what}`));
      }, timeoutMs);
      this.#waiters.add(waiter);
      waiter();
    });
  }
}
