/**
 * Short ASCII text out of bytes, made in one piece. Pure; every thread has its own. Adding characters one by one would leave
 * a string for each of them behind: of a storm of logins those fill more memory than the devices.
 */

/** Longest text, in characters. */
export const SHORT_TEXT = 64;

/** One list of codes per length, used again and again: `fromCharCode` takes a list as long as the text. */
const codesByLength: number[][] = [];

/** Where to put the `length` ≤ SHORT_TEXT codes of a text; valid until the next call. */
export const asciiCodes = (length: number): number[] => codesByLength[length] ??= new Array<number>(length).fill(0);

export const asciiText = (codes: number[]): string => String.fromCharCode.apply(null, codes);
