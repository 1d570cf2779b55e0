/**
 * Notices that the machine slept, that the network came back, or that a page is looked at again: what was open before may be dead
 * without a word. Runs on any thread with an event loop.
 */

/** A clock that is further than this from where the other one says it should be was moved, or the machine slept. */
const JUMP_MS = 5000;

interface Visible {
  readonly visibilityState?: string;
  addEventListener(type: "visibilitychange", listener: () => void): void;
  removeEventListener(type: "visibilitychange", listener: () => void): void;
}

/** Compares the wall clock with one that stands still while the machine sleeps, where there is one. */
export class SleepWatch {
  #aheadMs: number;

  constructor(wallMs: number, monoMs: number) {
    this.#aheadMs = wallMs - monoMs;
  }

  /** True: it slept since the last call. */
  slept(wallMs: number, monoMs: number): boolean {
    const aheadMs = wallMs - monoMs;
    const jumped = aheadMs - this.#aheadMs > JUMP_MS;
    this.#aheadMs = aheadMs;
    return jumped;
  }
}

/** `woke`: with whether what was open before is surely in doubt. Returns how to stop watching. */
export function watchWake(woke: (isSure: boolean) => void): () => void {
  const { document: page } = globalThis as unknown as { document?: Visible };
  const online = (): void => woke(true);
  const seen = (): void => {
    if (page?.visibilityState === "visible") woke(false);
  };
  // Node has neither.
  const hasEvents = typeof globalThis.addEventListener === "function";
  if (hasEvents) globalThis.addEventListener("online", online);
  page?.addEventListener("visibilitychange", seen);
  return () => {
    if (hasEvents) globalThis.removeEventListener("online", online);
    page?.removeEventListener("visibilitychange", seen);
  };
}
