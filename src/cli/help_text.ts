/** Help as wide as the terminal. Pure; used by the main thread of every verb. */

/** Without a terminal. */
const WIDTH = 80;

/** Paragraphs anew in lines of at most `width`; lines that begin with a blank stay as they are: lists and examples. */
export function wrapped(text: string, width = WIDTH): string {
  const lines: string[] = [];
  let isOpen = false;
  for (const line of text.split("\n")) {
    const words = line === "" || line.startsWith(" ") ? null : line.split(" ");
    if (words === null) lines.push(line);
    else {
      for (const word of words) {
        const last = lines.at(-1) ?? "";
        if (isOpen && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
        else lines.push(word);
        isOpen = true;
      }
    }
    isOpen = words !== null;
  }
  return lines.join("\n");
}

const ASKED = ["--url", "--token", "--help"];

/** A verb's own options, then those of every verb that asks a gateway. */
export const ownFirst = <T extends { readonly long?: string | undefined }>(options: readonly T[]): T[] =>
  options.toSorted((a, b) => ASKED.indexOf(a.long ?? "") - ASKED.indexOf(b.long ?? ""));
