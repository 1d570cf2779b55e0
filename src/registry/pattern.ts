/** Patterns of identities: `*` stands for any run of characters, everything else for itself. Pure, no regex, no garbage. */

const STAR = 0x2a;

/** Does the whole of `text` fit? Both are in the one spelling of identities. */
export function fitsPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  // Where to go on when what followed the last star did not fit: one character further.
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    const wanted = p < pattern.length ? pattern.charCodeAt(p) : -1;
    if (wanted === STAR) {
      star = p++;
      mark = t;
    } else if (wanted === text.charCodeAt(t)) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}
