/**
 * How many subscriptions name a channel, over all http threads: a table in shared memory for each of them, written by it alone and
 * read by all. A channel is in it by a hash of 64 bits.
 *
 *   place  | hash u32 | hash u32 | subscriptions u32 |      0 subscriptions: free
 */
const WORDS = 3;
const COUNT = 2;

export const createAudience = (places: number): SharedArrayBuffer => new SharedArrayBuffer(places * WORDS * 4);

/** The table of one http thread, on that thread. */
export class Audience {
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #placeOf = new Map<string, number>();
  readonly #free: number[] = [];
  #used = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Uint32Array(memory);
  }

  /** One more subscription of each channel. False: there are too many channels; nothing was counted. */
  enter(channels: readonly string[]): boolean {
    const fresh = channels.filter((channel) => !this.#placeOf.has(channel)).length;
    if (this.#used + fresh - this.#free.length > this.#words.length / WORDS) return false;
    for (const channel of channels) this.#add(channel);
    return true;
  }

  leave(channels: readonly string[]): void {
    for (const channel of channels) {
      const at = this.#placeOf.get(channel)!;
      if (Atomics.sub(this.#words, at + COUNT, 1) > 1) continue;
      this.#placeOf.delete(channel);
      this.#free.push(at);
    }
  }

  #add(channel: string): void {
    let at = this.#placeOf.get(channel);
    if (at === undefined) {
      at = this.#free.pop() ?? this.#used++ * WORDS;
      this.#placeOf.set(channel, at);
      const [first, second] = hashOf(channel);
      Atomics.store(this.#words, at, first);
      Atomics.store(this.#words, at + 1, second);
    }
    Atomics.add(this.#words, at + COUNT, 1);
  }
}

/** Subscriptions of a channel in the tables of all http threads. */
export function audienceOf(memories: readonly SharedArrayBuffer[], channel: string): number {
  const [first, second] = hashOf(channel);
  let sum = 0;
  for (const memory of memories) {
    const words = new Uint32Array(memory);
    for (let at = 0; at < words.length; at += WORDS) {
      if (words[at] === first && words[at + 1] === second) sum += Atomics.load(words, at + COUNT);
    }
  }
  return sum;
}

/** FNV-1a, and the same from another start. */
function hashOf(channel: string): [number, number] {
  let first = 0x811c9dc5;
  let second = 0x9dc5811c;
  for (let i = 0; i < channel.length; i++) {
    first = Math.imul(first ^ channel.charCodeAt(i), 0x01000193);
    second = Math.imul(second ^ channel.charCodeAt(i), 0x01000197);
  }
  return [first >>> 0, second >>> 0];
}
