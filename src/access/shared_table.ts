/**
 * One word a key, shared by all http threads: a table of fixed size in shared memory. Each key has a few places where it may stand;
 * one whose word is over gives its place away. When all are in use two keys share one: what is kept here are guards, not accounts.
 *
 *   tags    | i32 × PLACES: hash of the key, 0 where nobody is |
 *   words   | i64 × PLACES |
 */
const PLACES = 1 << 14;
const NEIGHBOURS = 8;
const TAGS_BYTES = PLACES * 4;

export const createSharedTable = (): SharedArrayBuffer => new SharedArrayBuffer(TAGS_BYTES + PLACES * 8);

export class SharedTable {
  readonly #tags: Int32Array<SharedArrayBuffer>;
  readonly #words: BigInt64Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#tags = new Int32Array(memory, 0, PLACES);
    this.#words = new BigInt64Array(memory, TAGS_BYTES, PLACES);
  }

  /** Puts what `step` makes of the key's word in its place, 0n when it has none. `isOver`: as good as none. `step` may be called again. */
  change(key: string, isOver: (word: bigint) => boolean, step: (word: bigint) => bigint): void {
    const at = this.#placeOf(key, isOver);
    for (let word = Atomics.load(this.#words, at);;) {
      const before = Atomics.compareExchange(this.#words, at, word, step(word));
      if (before === word) return;
      word = before;
    }
  }

  #placeOf(key: string, isOver: (word: bigint) => boolean): number {
    const tag = tagOf(key);
    let free = -1;
    for (let i = 0; i < NEIGHBOURS; i++) {
      const at = (tag + i) & (PLACES - 1);
      const held = Atomics.load(this.#tags, at);
      if (held === tag) return at;
      if (free < 0 && (held === 0 || isOver(Atomics.load(this.#words, at)))) free = at;
    }
    if (free < 0) return tag & (PLACES - 1);
    const held = Atomics.load(this.#tags, free);
    // Another thread may take it at the same time: then the two keys share it.
    if (Atomics.compareExchange(this.#tags, free, held, tag) === held) Atomics.store(this.#words, free, 0n);
    return free;
  }
}

/** FNV-1a, mixed once more; never 0. */
function tagOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) | 0 || 1;
}
