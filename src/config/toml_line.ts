/** The line a key stands on in a TOML text, so that an error can name it: the parser gives values without places. Pure. */

const PART = String.raw`(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')`;
const KEYS = new RegExp(String.raw`^\s*(${PART}(?:\s*\.\s*${PART})*)\s*=`);
const TABLE = new RegExp(String.raw`^\s*\[{1,2}\s*(${PART}(?:\s*\.\s*${PART})*)\s*\]`);

const partsOf = (dotted: string): string[] =>
  Array.from(dotted.matchAll(new RegExp(PART, "g")), (match) => match[0].replaceAll(/^["']|["']$/g, ""));

/** The text without what stands inside texts of several lines; lines stay where they are. */
const withoutLongTexts = (text: string): string =>
  text.replaceAll(/"""[\s\S]*?"""|'''[\s\S]*?'''/g, (long) => long.replaceAll(/[^\n]/g, " "));

/**
 * 1-based line of the key with this path (`["tcp", "listen"]`), or of the nearest thing around it that has a line: the
 * table it is in, or 1.
 */
export function lineOfKey(toml: string, path: readonly string[]): number {
  const wanted = path.join("\n");
  let table: string[] = [];
  let around = 1;
  for (const [index, line] of withoutLongTexts(toml).split("\n").entries()) {
    const header = TABLE.exec(line);
    if (header !== null) table = partsOf(header[1]!);
    const keys = KEYS.exec(line);
    if (header === null && keys === null) continue;
    const here = (keys === null ? table : [...table, ...partsOf(keys[1]!)]).join("\n");
    if (here === wanted) return index + 1;
    if (wanted.startsWith(`${here}\n`)) around = index + 1;
  }
  return around;
}
