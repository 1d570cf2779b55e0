/**
 * The doorbell of a thread: how producers wake a consumer that sleeps, and cost it nothing while it does not.
 *
 *   words  | armed | rings | doorbell |      armed = 1: the consumer sleeps or is about to
 *
 * The consumer arms, looks at its rings once more, then sleeps until `rings` moves: a message published before it armed
 * is seen by that look, one published after it finds the bell armed. One bell per thread, any number of producers.
 * A consumer that sleeps in the kernel, where it waits for its sockets too, hangs out a doorbell: a number by which it is poked there.
 */
import { broken } from "../base/assert.ts";

const ARMED = 0;
const RINGS = 1;
const DOORBELL = 2;
/** Of the word: no doorbell. Any other value is the doorbell and one. */
const NONE = 0;

/** Bytes of one bell in shared memory: a cache line. */
export const BELL_BYTES = 64;

/** Wakes who sleeps by this doorbell. */
export type Poke = (doorbell: number) => void;

export class Bell {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #poke: Poke;

  /** `poke` is needed by those who ring threads that may have a doorbell. */
  constructor(memory: SharedArrayBuffer, index: number, poke: Poke = cannotPoke) {
    this.#words = new Int32Array(memory, index * BELL_BYTES, BELL_BYTES / 4);
    this.#poke = poke;
  }

  /** Any thread: wakes the owner if it sleeps. */
  ring(): void {
    if (Atomics.load(this.#words, ARMED) === 0) return;
    Atomics.store(this.#words, ARMED, 0);
    const doorbell = Atomics.load(this.#words, DOORBELL);
    if (doorbell !== NONE) return this.#poke(doorbell - 1);
    Atomics.add(this.#words, RINGS, 1);
    Atomics.notify(this.#words, RINGS);
  }

  /** Owner, blocking thread: sleeps until rung or `timeoutMs`. `hasWork` is the look after arming. */
  wait(timeoutMs: number, hasWork: () => boolean): void {
    const seen = Atomics.load(this.#words, RINGS);
    Atomics.store(this.#words, ARMED, 1);
    if (!hasWork()) Atomics.wait(this.#words, RINGS, seen, timeoutMs);
    Atomics.store(this.#words, ARMED, 0);
  }

  /** Owner, before it sleeps for the first time: it will sleep by `waitBy` alone. */
  hangDoorbell(doorbell: number): void {
    Atomics.store(this.#words, DOORBELL, doorbell + 1);
  }

  /** Takes the doorbell down, once its owner has gone and nobody rings any more; null: there is none. */
  takeDoorbell(): number | null {
    const doorbell = Atomics.exchange(this.#words, DOORBELL, NONE);
    return doorbell === NONE ? null : doorbell - 1;
  }

  /** Owner with a doorbell: `sleep` returns when it is poked or something else came that it waits for, and says so. */
  waitBy(timeoutMs: number, hasWork: () => boolean, sleep: (timeoutMs: number) => boolean): boolean {
    Atomics.store(this.#words, ARMED, 1);
    const came = sleep(hasWork() ? 0 : timeoutMs);
    Atomics.store(this.#words, ARMED, 0);
    return came;
  }

  /**
   * Owner, event-loop thread: calls `onRing` after every ring, for ever, until `stop`. Without a timeout: a waitAsync
   * with one leaks. The pending wait keeps no thread alive; the owner holds a timer for that. `drain` does the work.
   */
  async listen(hasWork: () => boolean, drain: () => void, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const seen = Atomics.load(this.#words, RINGS);
      Atomics.store(this.#words, ARMED, 1);
      if (!hasWork()) {
        const waiting = Atomics.waitAsync(this.#words, RINGS, seen);
        if (waiting.async) await waiting.value;
      }
      Atomics.store(this.#words, ARMED, 0);
      drain();
      // One turn of the event loop between drains, so that sockets are served under a stream of rings.
      await new Promise<void>((next) => setImmediate(next));
    }
  }
}

const cannotPoke = (doorbell: number): never => broken(`nobody told this thread how to poke doorbell ${doorbell}`);
