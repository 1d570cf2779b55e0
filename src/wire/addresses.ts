/**
 * What all threads know about one network address: how many of its sockets have not logged in, and how many logins of it
 * failed in this second. A shared table of 65,536 places, by hash of the address.
 *
 *   place  | waiting i32 | second i32 | failures i32 |
 *
 * Who accepts a socket (accept thread or reusePort listener) calls `enter`; the codec worker that holds it calls `leave`
 * when it logs in or ends before that. Two addresses in one place share a count: the bounds are guards, not accounts.
 */
const PLACES = 1 << 16;
const WORDS = 3;
const WAITING = 0;
const SECOND = 1;
const FAILURES = 2;

export const createAddresses = (): SharedArrayBuffer => new SharedArrayBuffer(PLACES * WORDS * 4);

export class Addresses {
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** One more socket of `address` that has not logged in. */
  enter(address: string): void {
    Atomics.add(this.#words, placeOf(address) + WAITING, 1);
  }
  /** It logged in, or ended before. */
  leave(address: string): void {
    Atomics.sub(this.#words, placeOf(address) + WAITING, 1);
  }
  waiting(address: string): number {
    return Atomics.load(this.#words, placeOf(address) + WAITING);
  }

  /** A login of `address` failed. Wall clock: the second is compared across threads. A race at its turn loses a count or two. */
  loginFailed(address: string, wallMs: number): void {
    const place = placeOf(address);
    const second = Math.floor(wallMs / 1000) | 0;
    if (Atomics.exchange(this.#words, place + SECOND, second) !== second) Atomics.store(this.#words, place + FAILURES, 0);
    Atomics.add(this.#words, place + FAILURES, 1);
  }
  /** Failed logins of `address` in the current second. */
  failedLogins(address: string, wallMs: number): number {
    const place = placeOf(address);
    if (Atomics.load(this.#words, place + SECOND) !== (Math.floor(wallMs / 1000) | 0)) return 0;
    return Atomics.load(this.#words, place + FAILURES);
  }
}

/** FNV-1a of the address, as a word index. */
function placeOf(address: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 16)) & (PLACES - 1)) * WORDS;
}
