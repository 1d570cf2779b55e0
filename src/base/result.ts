/** Expected failure as a value. `fault` is a literal that is also the log code and the metric label. */
export type Ok<T> = { readonly ok: true; readonly value: T };
export type Err<F extends string> = {
  readonly ok: false;
  readonly fault: F;
  /** One plain sentence: what was wrong, the limit, the offset. */
  readonly message: string;
};
export type Result<T, F extends string> = Ok<T> | Err<F>;

export const ok = <T>(value: T): Ok<T> => ({ ok: true, value });
export const err = <F extends string>(fault: F, message: string): Err<F> => ({ ok: false, fault, message });
