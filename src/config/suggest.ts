/** "Did you mean": the nearest of the known names. Pure. */

/** Edits (insert, delete, replace, swap of neighbours) from `a` to `b`. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** The name nearest to `wrong`, or null when none is near. */
export function nearest(wrong: string, names: readonly string[]): string | null {
  let found: string | null = null;
  let best = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of names) {
    const far = distance(wrong.toLowerCase(), name.toLowerCase());
    if (far < best) [best, found] = [far, name];
  }
  return found;
}
