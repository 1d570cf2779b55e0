/** A column of numbers with more room. Pure. */

/** `to`, which is longer, with what is in `from`. */
export function grown<T extends Float64Array | Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
