/**
 * The references of a run row: one device's entries of one segment, in seq order. Pure. At most RUN_REFS per row; a
 * device with more has several rows. Little-endian, 28 bytes each:
 *
 *   0 seq - first seq u32 · 4 seq - row's seq u32 · 8 offset in the row's body u32 · 12 min time f64 · 20 max time f64
 *
 * An event's time range is empty: Infinity to -Infinity.
 */
export const RUN_REFS = 2048;
export const REF_BYTES = 28;
const FAR = 0xffff_ffff;

export class RunWriter {
  firstSeq = 0;
  lastSeq = 0;
  minTime = Infinity;
  maxTime = -Infinity;
  count = 0;
  readonly #bytes = new Uint8Array(RUN_REFS * REF_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  /** False when the row is full: take `bytes`, `clear`, and add again. */
  add(seq: number, rowSeq: number, offset: number, min: number, max: number): boolean {
    if (this.count === 0) this.firstSeq = seq;
    else if (this.count === RUN_REFS || seq - this.firstSeq > FAR) return false;
    const at = this.count++ * REF_BYTES;
    this.#view.setUint32(at, seq - this.firstSeq, true);
    this.#view.setUint32(at + 4, seq - rowSeq, true);
    this.#view.setUint32(at + 8, offset, true);
    this.#view.setFloat64(at + 12, min, true);
    this.#view.setFloat64(at + 20, max, true);
    this.lastSeq = seq;
    if (min < this.minTime) this.minTime = min;
    if (max > this.maxTime) this.maxTime = max;
    return true;
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.count * REF_BYTES);
  }

  clear(): void {
    this.count = 0;
    this.minTime = Infinity;
    this.maxTime = -Infinity;
  }
}

/** A cursor over the references of one row. */
export class RunRefs {
  count = 0;
  /** Bytes of all of them. */
  bytes = 0;
  #firstSeq = 0;
  #view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));

  over(firstSeq: number, bytes: Uint8Array): this {
    this.#firstSeq = firstSeq;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.bytes = bytes.byteLength;
    this.count = this.bytes / REF_BYTES;
    return this;
  }
  seq(i: number): number {
    return this.#firstSeq + this.#view.getUint32(i * REF_BYTES, true);
  }
  rowSeq(i: number): number {
    return this.seq(i) - this.#view.getUint32(i * REF_BYTES + 4, true);
  }
  offset(i: number): number {
    return this.#view.getUint32(i * REF_BYTES + 8, true);
  }
  min(i: number): number {
    return this.#view.getFloat64(i * REF_BYTES + 12, true);
  }
  max(i: number): number {
    return this.#view.getFloat64(i * REF_BYTES + 20, true);
  }
}
